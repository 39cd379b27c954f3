"""Keeps files whole when a process is killed: one writer at a time, complete lines, atomic replacement."""

import contextlib
import os
import sys
import time
from collections.abc import Generator
from pathlib import Path

from filelock import FileLock, Timeout

_MOST_TRIES, _PAUSE_S = 50, 0.1


class AlreadyWrittenError(OSError):
    """Another process is writing the same file or folder; the text is one line."""


@contextlib.contextmanager
def sole_writer(written: Path | None) -> Generator[None]:
    """Holds an advisory lock on a file or folder, so that a second process that asks for it is refused.

    Args:
      written: what is going to be written, whether it exists or not, in an existing folder; None locks nothing. The
        lock is a hidden file beside it. That file stays; the lock ends with its process, however that ends.

    Raises:
      AlreadyWrittenError: another process holds the lock.
      OSError: the hidden file cannot be made.
    """
    if written is None or not written.parent.is_dir():
        yield  # Writing there fails with an error of its own.
        return
    lock = FileLock(written.with_name(f".{written.name}.lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise AlreadyWrittenError(
            f"expected to be the only process that writes {written}, got one that is writing it already (allowed: "
            "another name, or wait until it has ended)"
        ) from None
    try:
        yield
    finally:
        lock.release()


def replace_text(path: Path, text: str) -> None:
    """Replaces a text file at once: a reader sees the old text or the new one, never a part."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    for _ in range(_MOST_TRIES):
        try:
            os.replace(partial, path)
            return
        except PermissionError:  # Windows replaces no file that somebody reads
            if sys.platform != "win32":
                raise
            time.sleep(_PAUSE_S)
    os.replace(partial, path)


def drop_unfinished_line(path: Path) -> None:
    """Cuts off the incomplete last line that a killed process leaves in a file of lines.

    Args:
      path: the file; it stays as it is if its last line is finished. Bytes are counted, not characters, since a line
        ends with two bytes on some systems.
    """
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole != len(content):
        os.truncate(path, whole)
