"""What the reader thread orders from the worker thread, and the `readyok` that is owed for it."""

import sys
import threading
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.uci.held_answer import HeldAnswer
from engine.uci.network_slot import NetworkSlot
from engine.uci.protocol_streams import ProtocolOutput
from engine.uci.settings import Settings
from engine.uci.worker import Worker

if TYPE_CHECKING:  # NumPy comes with it, which the answer to `uci` does not wait for
    from engine.uci.thinking import Thinking


class Orders:
    """Passes jobs to the worker thread. Only one thread may call its methods; none but `finish` blocks."""

    def __init__(self, output: ProtocolOutput, slot: NetworkSlot) -> None:
        self._output = output
        self._slot = slot
        self._worker = Worker()
        self._thinking: Thinking | None = None  # used by the worker thread only
        self._readyok_owed = 0
        self._follows_open = 0  # orders to follow settings that are not carried out yet
        self._readyok_lock = threading.Lock()

    @property
    def busy(self) -> bool:
        """Whether the worker thread has something to do."""
        return self._worker.busy

    @property
    def has_worked(self) -> bool:
        """Whether the worker thread was ever needed."""
        return self._worker.has_worked

    def finish(self) -> None:
        """Blocks until everything ordered so far is done, or until nobody reads the output."""
        self._worker.finish(self._output.is_abandoned)

    def get_ready(self, settings: Settings) -> None:
        """Prints `readyok` when network and files asked for are loaded: now, if they are."""
        with self._readyok_lock:
            if self._is_ready():
                self._output.write("readyok")
                return
            self._readyok_owed += 1
        self.order(lambda _: None, settings)

    def follow(self, settings: Settings) -> None:
        """Has the worker thread open and close the files that the settings name; `readyok` waits for it."""

        def note_end(_thinking: "Thinking") -> None:
            with self._readyok_lock:
                self._follows_open -= 1

        with self._readyok_lock:
            self._follows_open += 1
        self.order(note_end, settings, needs_network=False)

    def order(
        self,
        job: Callable[["Thinking"], None],
        settings: Settings,
        answer: HeldAnswer | None = None,
        needs_network: bool = True,
    ) -> None:
        """Has the worker thread do a job, loading the network first if the job needs it.

        Args:
          job: gets the `Thinking` of this session.
          settings: those at the time of the order.
          answer: what to give `bestmove (none)` if the job fails.
          needs_network: whether a network asked for must be loaded before.
        """

        def run_job() -> None:
            try:
                thinking = self._get_thinking()
                self._follow(thinking, settings)
                if needs_network:
                    self._load(thinking, settings)
                job(thinking)
            except Exception as error:  # whatever fails, a go gets its answer
                self.report_failure(error)
                if answer is not None:
                    answer.give("bestmove (none)")

        self._worker.submit(run_job)

    def report_failure(self, error: Exception) -> None:
        """Tells of a fault of this program: one line to the chess program, all of it to standard error."""
        traceback.print_exc(file=sys.stderr)
        self._output.write_error(f"{type(error).__name__}: {error}")

    def _follow(self, thinking: "Thinking", settings: Settings) -> None:
        try:
            thinking.follow(settings)
        except Exception as error:  # the job is done without that file; nobody waits for it for ever
            self.report_failure(error)

    def _load(self, thinking: "Thinking", settings: Settings) -> None:
        thinking.load(settings)
        with self._readyok_lock:
            # If something else was asked for meanwhile, the job of an `isready` after it comes here too.
            if self._is_ready():
                self._output.write(*["readyok"] * self._readyok_owed)
                self._readyok_owed = 0

    def _is_ready(self) -> bool:
        return self._slot.settled and not self._follows_open

    def _get_thinking(self) -> "Thinking":
        if self._thinking is None:
            from engine.uci.thinking import Thinking

            self._thinking = Thinking(self._output, self._slot)
        return self._thinking
