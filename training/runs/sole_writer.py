"""Keeps a second process from writing to what one is writing to already."""

import contextlib
from collections.abc import Generator
from pathlib import Path

from filelock import FileLock, Timeout


class AlreadyWrittenError(OSError):
    """Another process writes the same file or folder; the text is one line."""


@contextlib.contextmanager
def sole_writer(written: Path | None) -> Generator[None]:
    """Lets nobody else that asks write a file or a folder meanwhile.

    Args:
      written: what is going to be written, there already or not, in an existing folder; None for nothing. The claim is
        a hidden file beside it. That file stays; nobody holds it once the process has ended, however it ended.

    Raises:
      AlreadyWrittenError: another process writes it.
      OSError: the hidden file cannot be made.
    """
    if written is None or not written.parent.is_dir():
        yield  # whoever tries to write there says what is wrong
        return
    lock = FileLock(written.with_name(f".{written.name}.lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise AlreadyWrittenError(
            f"expected to be the only process that writes {written}, got one that is writing it already (allowed: "
            "another name, or to wait for its end)"
        ) from None
    try:
        yield
    finally:
        lock.release()
