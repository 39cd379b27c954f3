"""Standard input and output, kept clean for the protocol, and the file that logs both."""

import contextlib
import datetime
import os
import select
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, TextIO

# The longest game that python-chess can hold is far shorter; a line without end must not fill the memory.
_LONGEST_LINE = 2**20


class LogFileError(ValueError):
    """The log cannot be written; the text is one line."""


class ProtocolLog:
    """Appends lines to a file with their time, each written through at once."""

    def __init__(self, path: Path) -> None:
        """Opens the file.

        Raises:
          LogFileError: it cannot be written.
        """
        try:
            self._file: BinaryIO | None = path.open("ab", buffering=0)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise LogFileError(
                f"expected a file that can be written for LogFile, got {ascii(str(path))} ({reason})"
            ) from error

    def note(self, direction: str, line: str) -> None:
        """Appends a line; a disk that is full ends the log and not the game.

        Args:
          direction: `>` for a line of the chess program, `<` for one of the engine, `#` for one that neither sees.
          line: its text.
        """
        if self._file is None:
            return
        now = datetime.datetime.now().isoformat(timespec="milliseconds")
        try:
            self._file.write(f"{now} {direction} {line}\n".encode(errors="backslashreplace"))
        except OSError:
            self.close()

    def close(self) -> None:
        """Ends the log."""
        if self._file is not None:
            self._file.close()
            self._file = None


class ProtocolOutput:
    """Writes whole lines, from any thread. Does not raise when nobody reads any more."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self.closed = False
        self._log: ProtocolLog | None = None

    def write(self, *lines: str) -> None:
        """Writes the lines together and flushes. May block while the reader is slow."""
        text = "".join(line + "\n" for line in lines)
        with self._lock:
            if self.closed:
                return
            self._note("<", *lines)
            try:
                self._stream.write(text)
                self._stream.flush()
            except (OSError, ValueError):  # ValueError: the stream was closed
                self.closed = True

    def write_error(self, text: str) -> None:
        """Writes a user's mistake or a failure as one line that every chess program accepts."""
        self.write("info string error: " + _on_one_line(text))

    def write_failure(self, error: Exception) -> None:
        """Reports a fault of this program: one line to the chess program, all of it to standard error."""
        traceback.print_exception(error, file=sys.stderr)
        self.write_error(f"{type(error).__name__}: {error}")

    def write_note(self, text: str) -> None:
        """Writes a remark that is no error as one line."""
        self.write("info string " + _on_one_line(text))

    def write_aside(self, text: str) -> None:
        """Writes a line to standard error and the log only."""
        text = _on_one_line(text)
        with self._lock:
            self._note("#", text)
        with contextlib.suppress(OSError, ValueError):  # nobody reads it
            print(text, file=sys.stderr, flush=True)

    def log_received(self, line: str) -> None:
        """Notes a line of the chess program in the log, if there is one."""
        with self._lock:
            self._note(">", line.rstrip("\r\n"))

    def set_log(self, log: ProtocolLog | None) -> None:
        """Logs to another file from now on, or to none."""
        with self._lock:
            if self._log is not None:
                self._log.close()
            self._log = log

    def is_abandoned(self) -> bool:
        """Returns whether nobody can read any more; False where the system does not tell."""
        if self.closed or not hasattr(select, "poll"):
            return self.closed
        try:
            poll = select.poll()
            poll.register(self._stream.fileno(), select.POLLERR | select.POLLHUP)
            return bool(poll.poll(0))
        except (OSError, ValueError):  # no file stands behind the stream
            return False

    def _note(self, direction: str, *lines: str) -> None:
        if self._log is not None:
            for line in lines:
                self._log.note(direction, line)


def take_over_stdio() -> tuple[Iterator[str], ProtocolOutput]:
    """Takes standard input and output for the protocol alone.

    File descriptor 1 then leads to standard error, so that nothing that a library prints, even from C++, reaches the
    chess program. Interrupts are ignored unless standard input is a terminal, since Ctrl-C sends them to the engines of
    a tournament manager too.

    Returns:
      The lines of standard input and the output.
    """
    _ensure_descriptor(0, os.O_RDONLY)
    _ensure_descriptor(1, os.O_WRONLY)
    _ensure_descriptor(2, os.O_WRONLY)
    if sys.stdout is not None:
        sys.stdout.flush()
    protocol = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="backslashreplace", newline="\n")
    os.dup2(2, 1)
    if not os.isatty(0):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    return bounded_lines(os.fdopen(0, "rb", closefd=False)), ProtocolOutput(protocol)


def allow_interrupts() -> None:
    """Lets Ctrl-C end the process again once no game can be lost by it; only in the main thread."""
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def bounded_lines(stream: BinaryIO) -> Iterator[str]:
    """Yields the lines of a stream until its end or an error; a line that is too long is cut.

    Lines are read as UTF-8, or else as Latin-1, which Cute Chess writes: paths with umlauts come in both.
    """
    skipping = False
    while True:
        try:
            part = stream.readline(_LONGEST_LINE)
        except (OSError, ValueError):  # the terminal is gone, or the stream was closed
            return
        if not part:
            return
        if not skipping:
            yield _text_of(part)
        skipping = not part.endswith(b"\n")


def _text_of(line: bytes) -> str:
    try:
        return line.decode("utf-8").removeprefix("\ufeff")  # PowerShell begins what it pipes with this mark
    except UnicodeDecodeError:
        return line.decode("latin-1")


def _on_one_line(text: str) -> str:
    return " ".join(text.split())


def _ensure_descriptor(descriptor: int, mode: int) -> None:
    try:
        os.fstat(descriptor)
    except OSError:
        null = os.open(os.devnull, mode)
        if null != descriptor:
            os.dup2(null, descriptor)
            os.close(null)
