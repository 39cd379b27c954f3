"""Standard input and output, kept clean for the protocol."""

import contextlib
import os
import select
import signal
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, TextIO

if TYPE_CHECKING:
    from engine.uci.protocol_log import ProtocolLog

# The longest game that python-chess can hold is far shorter; a line without end must not fill the memory.
_LONGEST_LINE = 2**20


class ProtocolOutput:
    """Writes whole lines, from any thread. Does not raise when nobody reads any more."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self.closed = False
        self.log: ProtocolLog | None = None

    def write(self, *lines: str) -> None:
        """Writes the lines together and flushes. May block while the reader is slow."""
        text = "".join(line + "\n" for line in lines)
        with self._lock:
            if self.closed:
                return
            if self.log is not None:
                for line in lines:
                    self.log.sent(line)
            try:
                self._stream.write(text)
                self._stream.flush()
            except (OSError, ValueError):  # ValueError: the stream was closed
                self.closed = True

    def write_error(self, text: str) -> None:
        """Writes a user's mistake, or a failure, as one line that every chess program accepts."""
        self.write("info string error: " + " ".join(text.split()))

    def write_aside(self, text: str) -> None:
        """Says on standard error and in the log what no chess program has to hear."""
        text = " ".join(text.split())
        with self._lock:
            if self.log is not None:
                self.log.noted(text)
        with contextlib.suppress(OSError, ValueError):  # nobody reads it
            print(text, file=sys.stderr, flush=True)

    def set_log(self, log: "ProtocolLog | None") -> None:
        """Notes lines in another file from now on, or in none."""
        with self._lock:
            if self.log is not None:
                self.log.close()
            self.log = log

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


def take_over_stdio() -> tuple[Iterator[str], ProtocolOutput]:
    """Takes standard input and output for the protocol alone.

    From here on file descriptor 1 leads to standard error, so that nothing a library prints, even
    from C++, reaches the chess program. Interrupts of a process group, as Ctrl-C sends them to the
    children of a tournament manager, are ignored unless a person sits at the terminal.

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


def bounded_lines(stream: BinaryIO) -> Iterator[str]:
    """Yields the lines of a stream until its end or an error; of one that is too long, the first part.

    Lines are UTF-8, or else Latin-1, which Cute Chess writes: a path with an umlaut is understood from both.
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


def _ensure_descriptor(descriptor: int, mode: int) -> None:
    try:
        os.fstat(descriptor)
    except OSError:
        null = os.open(os.devnull, mode)
        if null != descriptor:
            os.dup2(null, descriptor)
            os.close(null)
