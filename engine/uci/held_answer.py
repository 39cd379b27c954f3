"""Answers that wait: the one `bestmove` of a `go`, and the `readyok` that a loading network holds back."""

import threading
from collections.abc import Sequence

from engine.uci.protocol_streams import ProtocolOutput

NO_MOVE = "bestmove (none)"
# The longest that `readyok` waits for a network: python-chess gives up on an engine after 10 s, Cute Chess after 15 s.
_READYOK_WITHIN_S = 8.0


class HeldAnswer:
    """Joins the worker thread, which finds the answer, and the reading thread, which hears `stop`.

    Args:
      output: where lines go.
      held: whether `stop` or `ponderhit` must come first, as after `go infinite` and `go ponder`.
    """

    def __init__(self, output: ProtocolOutput, held: bool) -> None:
        self._output = output
        self._held = held
        self._lock = threading.Lock()
        self._shown: Sequence[str] = ()
        self._line: str | None = None
        self._is_out = False
        self.released = False  # whether nobody wants to wait for more
        self.stopped = False  # whether the rest of the work is not wanted either

    def show(self, lines: Sequence[str]) -> bool:
        """Writes `info` lines unless the answer is out; returns whether it did."""
        with self._lock:
            if not self._is_out:
                self._shown = lines
                self._output.write(*lines)
            return not self._is_out

    def give(self, line: str, delay_s: float = 0.0) -> None:
        """Supplies the answer; only the first one counts.

        Args:
          line: the answer.
          delay_s: seconds to keep it back, unless it is held anyway or was released before.
        """
        with self._lock:
            if self._line is not None:
                return
            self._line = line
            if self.released or (not self._held and delay_s <= 0.0):
                self._write()
            elif not self._held:
                timer = threading.Timer(delay_s, self.release)
                timer.daemon = True
                timer.start()

    def stop(self) -> None:
        """Ends the hold and asks the worker thread to hurry; may be repeated."""
        self.stopped = True
        self.release()

    def release(self) -> None:
        """Ends the hold; may be repeated.

        After a search that was held, the last `info` lines are written again: Cute Chess and python-chess (lichess-bot)
        begin a new record of score and moves at `ponderhit`, and would have none.
        """
        with self._lock:
            self.released = True
            if self._line is not None and not self._is_out:
                self._write(*(self._shown if self._held else ()))

    def _write(self, *before: str) -> None:
        assert self._line is not None
        self._is_out = True
        self._output.write(*before, self._line)


class OwedReadyok:
    """Counts the `readyok` that are owed, and writes them when everything is loaded, or else after some seconds.

    The first start compiles the network, which takes long on a busy machine. An engine that is silent meanwhile is
    given up by chess programs; one that has answered is not, and its first `go` waits for the network.

    Args:
      output: where lines go.
    """

    def __init__(self, output: ProtocolOutput) -> None:
        self._output = output
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None  # of the oldest that is owed
        self.count = 0

    def owe(self) -> None:
        """Owes one more."""
        with self._lock:
            self.count += 1
            if self._timer is None:
                self._timer = threading.Timer(_READYOK_WITHIN_S, self._write_early)
                self._timer.daemon = True
                self._timer.start()

    def write(self, *before: str) -> None:
        """Writes lines and all that are owed, if any are."""
        with self._lock:
            if self.count:
                self._output.write(*before, *["readyok"] * self.count)
            self.count = 0
            if self._timer is not None:
                self._timer.cancel()  # or it would answer a later one too early
                self._timer = None

    def _write_early(self) -> None:
        self.write("info string the network is still being compiled, as at every first start; the first move waits")
