"""A file with every line of the protocol and when it came or went."""

import datetime
from pathlib import Path
from typing import BinaryIO

from engine.uci.option import OptionError


class ProtocolLog:
    """Appends lines to a file, each written through at once; nothing is kept in memory."""

    def __init__(self, path: Path) -> None:
        """Opens the file.

        Raises:
          OptionError: it cannot be written.
        """
        try:
            self._file: BinaryIO | None = path.open("ab", buffering=0)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise OptionError(
                f"expected a file that can be written for LogFile, got {ascii(str(path))} ({reason})"
            ) from error

    def received(self, line: str) -> None:
        """Notes a line of the chess program."""
        self._note(">", line.rstrip("\r\n"))

    def sent(self, line: str) -> None:
        """Notes a line of this program."""
        self._note("<", line)

    def noted(self, text: str) -> None:
        """Notes what is said to nobody else."""
        self._note("#", text)

    def close(self) -> None:
        """Ends the log."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _note(self, direction: str, line: str) -> None:
        if self._file is None:
            return
        now = datetime.datetime.now().isoformat(timespec="milliseconds")
        try:
            self._file.write(f"{now} {direction} {line}\n".encode(errors="backslashreplace"))
        except OSError:  # a full disk must not end a game; the log ends instead
            self.close()
