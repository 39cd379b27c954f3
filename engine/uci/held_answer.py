"""The one `bestmove` of one `go`: given when it is known and no longer held back."""

import threading

from engine.uci.protocol_streams import ProtocolOutput


class HeldAnswer:
    """Joins the thread that finds the answer and the thread that reads `stop`.

    While an answer is held (`go infinite`, `go ponder`) no thread waits for anything.
    """

    def __init__(self, output: ProtocolOutput, held: bool) -> None:
        self._output = output
        self._held = held
        self._line: str | None = None
        self._lock = threading.Lock()
        self.stopped = False

    def give(self, line: str) -> None:
        """Supplies the answer, once; it is printed at once unless it is held."""
        with self._lock:
            self._line = line
            if not self._held:
                self._output.write(line)

    def stop(self) -> None:
        """Ends the hold and asks whoever finds the answer to hurry; any number of times."""
        self.stopped = True
        self.release()

    def release(self) -> None:
        """Ends the hold; any number of times."""
        with self._lock:
            if self._held and self._line is not None:
                self._output.write(self._line)
            self._held = False
