"""The one `bestmove` of one `go`: given when it is known and no longer held back."""

import threading

from engine.uci.protocol_streams import ProtocolOutput


class HeldAnswer:
    """Joins the thread that finds the answer and the thread that reads `stop`.

    While an answer is held (`go infinite`, `go ponder`, ThinkTime) no thread computes anything.
    """

    def __init__(self, output: ProtocolOutput, held: bool) -> None:
        self._output = output
        self._held = held
        self._line: str | None = None
        self._released = False
        self._lock = threading.Lock()
        self.stopped = False

    def give(self, line: str, delay_s: float = 0.0) -> None:
        """Supplies the answer, once.

        Args:
          line: the answer.
          delay_s: time that it is kept back, unless it is held anyway or was released already.
        """
        with self._lock:
            self._line = line
            if self._held:
                return
            if delay_s <= 0.0 or self._released:
                self._output.write(line)
                return
            self._held = True
        timer = threading.Timer(delay_s, self.release)
        timer.daemon = True
        timer.start()

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
            self._released = True
