"""Standard input and output, kept clean for the protocol."""

import io
import os
import signal
import sys
import threading
from typing import TextIO


class ProtocolOutput:
    """Writes whole lines, from any thread. Does not raise when nobody reads any more."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self.closed = False

    def write(self, *lines: str) -> None:
        """Writes the lines together and flushes. May block while the reader is slow."""
        text = "".join(line + "\n" for line in lines)
        with self._lock:
            if self.closed:
                return
            try:
                self._stream.write(text)
                self._stream.flush()
            except (OSError, ValueError):  # ValueError: the stream was closed
                self.closed = True

    def write_error(self, text: str) -> None:
        """Writes a user's mistake, or a failure, as one line that every chess program accepts."""
        self.write("info string error: " + " ".join(text.split()))


def take_over_stdio() -> tuple[TextIO, ProtocolOutput]:
    """Takes standard input and output for the protocol alone.

    From here on file descriptor 1 leads to standard error, so that nothing a library prints, even
    from C++, reaches the chess program. Interrupts of a process group, as Ctrl-C sends them to the
    children of a tournament manager, are ignored unless a person sits at the terminal.

    Returns:
      The lines of standard input, undecodable bytes replaced, and the output.
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
    lines = io.TextIOWrapper(os.fdopen(0, "rb", closefd=False), encoding="utf-8", errors="replace", newline=None)
    return lines, ProtocolOutput(protocol)


def _ensure_descriptor(descriptor: int, mode: int) -> None:
    try:
        os.fstat(descriptor)
    except OSError:
        null = os.open(os.devnull, mode)
        if null != descriptor:
            os.dup2(null, descriptor)
            os.close(null)
