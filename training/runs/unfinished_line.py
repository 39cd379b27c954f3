"""What a killed process leaves of the last line of a file that grows line by line."""

import os
from pathlib import Path


def drop_unfinished_line(path: Path) -> None:
    """Cuts off what stands behind the last end of a line, so that every line is whole.

    Args:
      path: the file, which stays as it is if its last line is finished. Bytes are counted and not characters, since an
        end of a line is two bytes on some systems.
    """
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole != len(content):
        os.truncate(path, whole)
