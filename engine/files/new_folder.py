"""Makes a folder as a whole: it takes its name when everything in it is written, and nothing is left if that fails."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Gives an empty hidden folder, which takes the place of a folder, old or not, when the block ends.

    If the block fails, the old folder stays, and nothing new is left, not even folders above that were made for it.

    Args:
      folder: to be made or replaced.
    """
    partial = folder.resolve().with_name(f".{folder.name}.partial")
    missing = [above for above in partial.parents if not above.exists()]
    try:
        shutil.rmtree(partial, ignore_errors=True)  # of a process that was killed
        partial.mkdir(parents=True)
        yield partial
        _replace_folder(partial, folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        for above in missing:
            with contextlib.suppress(OSError):  # something else is in it by now
                above.rmdir()
        raise


def _replace_folder(new: Path, folder: Path) -> None:
    """Puts a folder in the place of another one, which comes back if that fails."""
    retired = new.with_suffix(".retired")
    shutil.rmtree(retired, ignore_errors=True)
    if folder.exists():
        os.replace(folder, retired)
    try:
        os.replace(new, folder)
    except OSError:
        if retired.exists():
            os.replace(retired, folder)
        raise
    shutil.rmtree(retired, ignore_errors=True)
