"""Controls the engine: each method carries out one request of the chess program, slow work in a worker thread.

The reading thread never waits for the network: a job that needs it, or takes long, is done by the worker thread with
the position and the settings of the moment it was ordered, and jobs keep their order. So `isready` is answered at once
during a search and while an answer is held; it waits only for a network or a file that is still to be loaded,
and not even for that longer than chess programs do.
"""

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import chess

from engine.player.choice import recent_copy
from engine.uci.commands import Go, Position
from engine.uci.held_answer import NO_MOVE, HeldAnswer, OwedReadyok
from engine.uci.option_kinds import Effect
from engine.uci.options import Settings, find_option, with_option
from engine.uci.position_setup import PositionError, new_game
from engine.uci.protocol_streams import LogFileError, ProtocolLog, ProtocolOutput

if TYPE_CHECKING:  # NumPy comes with it, which the answer to `uci` does not wait for
    from engine.uci.thinking import LoadEvaluator, Thinking

# After `quit`, how long a chess program waits for the end of the process: Cute Chess kills it after 5 s.
_PATIENCE_S = 4.0
# At the end of a session, how long a network may take to load: six times the slowest start seen.
_LONGEST_LOAD_S = 300.0
_POLL_S = 0.2


@dataclass(frozen=True, kw_only=True)
class _Job:
    """An order for the worker thread."""

    work: "Callable[[Thinking], None]"
    settings: Settings  # at the time of the order
    answer: HeldAnswer | None  # is given `bestmove (none)` if the work fails
    prepares: bool  # whether `readyok` waits for it
    is_owed: bool  # whether the end of the session waits for it


class Controller:
    """Does what the commands say. Only the reading thread may call the methods; each says whether it blocks."""

    def __init__(
        self, output: ProtocolOutput, load_evaluator: "LoadEvaluator", weights_folder: Path | None = None
    ) -> None:
        """Starts at the starting position; nothing is loaded yet.

        Args:
          output: where every line goes.
          load_evaluator: loads a network, compiled and ready; called in the worker thread.
          weights_folder: the first value of WeightsFile, None for the shipped network.
        """
        self.settings = Settings(weights_folder=weights_folder)
        self._output = output
        self._load_evaluator = load_evaluator
        self._setup = new_game(self.settings.chess960)
        self._refusal = ""  # why the last position cannot be played, or ""
        self._answer: HeldAnswer | None = None  # of the last go
        self._pondering = False  # whether `ponderhit` may release it
        self._network_is_due = True  # whether the network asked for may be another than the last one ordered
        self._threads_in_use: int | None = None  # those of the first load
        self._is_loading = False
        self._jobs: queue.Queue[_Job] = queue.Queue()
        self._thinking: Thinking | None = None  # used by the worker thread only
        self._thread: threading.Thread | None = None
        self._readyok = OwedReadyok(output)
        self._lock = threading.Lock()  # guards the next two
        self._jobs_owed = 0
        self._preparing = 0
        self._effects: dict[Effect, Callable[[Settings], None]] = {  # each gets the settings before the change
            "player": lambda _: self._order(lambda _: None, prepares=True),
            "network": self._change_network,
            "random numbers": lambda _: self._restart_random_numbers(),
            "log": lambda _: self._change_log(),
        }

    @property
    def busy(self) -> bool:
        """Whether the worker thread has something to do. Does not block."""
        return self._jobs.unfinished_tasks > 0

    @property
    def has_worked(self) -> bool:
        """Whether the worker thread was ever needed. Does not block."""
        return self._thread is not None

    def board(self) -> chess.Board:
        """Returns the position, which is not to be changed. Does not block.

        Raises:
          PositionError: the last position could not be played.
        """
        if self._refusal:
            raise PositionError(f"no position is set up: {self._refusal}")
        return self._setup.board

    def ensure_ready(self) -> None:
        """Writes `readyok` when all that was asked for is loaded, or after some seconds. Does not block."""
        self._prepare_network()
        with self._lock:
            if self._preparing:
                self._readyok.owe()
            else:
                self._output.write("readyok")

    def new_game(self) -> None:
        """Ends a search, returns to the starting position and begins to load the network. Does not block."""
        self.stop()
        self._setup, self._refusal = new_game(self.settings.chess960), ""
        self._restart_random_numbers()
        self._prepare_network()

    def set_position(self, command: Position) -> None:
        """Takes over a position and begins to load the network. Does not block.

        Raises:
          PositionError: it cannot be played; until the next one there is none.
        """
        self._prepare_network()
        try:
            self._setup = self._setup.followed_by(command, self.settings.chess960)
        except PositionError as error:
            self.refuse_position(str(error))
            raise
        self._refusal = ""
        if self._setup.problem:
            self._output.write_error(self._setup.problem)

    def refuse_position(self, problem: str) -> None:
        """Leaves the engine without a position until the next one, since the chess program has another. Does not block.

        Args:
          problem: what is wrong with the position, in one line.
        """
        self._refusal = problem

    def set_option(self, name: str, value: str) -> None:
        """Sets an option; what it changes is changed as its declaration says. Does not block.

        Raises:
          OptionError: there is no such option, or the value is none of its values.
          LogFileError: LogFile cannot be written.
        """
        option = find_option(name)
        before = self.settings
        self.settings, problem = with_option(before, option, value)
        if problem:
            self._output.write_error(problem)
        try:
            if option.effect in self._effects:
                self._effects[option.effect](before)
        except LogFileError:
            self.settings = before
            raise

    def go(self, go: Go, debug: bool) -> None:
        """Ends the last search and orders the answer to this one: one `bestmove`, none for `perft`. Does not block."""
        self.stop()
        answer = HeldAnswer(self._output, held=go.infinite or go.ponder)
        self._answer, self._pondering = answer, go.ponder and not go.infinite
        if self._refusal:
            self._output.write_error(f"no position is set up: {self._refusal}")
            if go.perft is None:
                self._order(lambda _: answer.give(NO_MOVE), answer)
            return
        board, settings = recent_copy(self._setup.board), self.settings
        if go.perft is not None:
            depth = go.perft
            self._order(lambda thinking: thinking.count(board, depth, answer))
            return
        self._prepare_network()
        self._order(lambda thinking: thinking.answer(board, go, settings, debug, answer), answer)

    def ponderhit(self) -> None:
        """Lets the answer to `go ponder` out as soon as it is known. Does not block."""
        if self._answer is not None and self._pondering:
            self._answer.release()

    def stop(self) -> None:
        """Lets the answer to the last `go` out as soon as it is known, and hurries. Does not block."""
        if self._answer is not None:
            self._answer.stop()

    def report_evaluation(self) -> None:
        """Orders the evaluation of the position for people. Does not block.

        Raises:
          PositionError: there is no position.
        """
        board = recent_copy(self.board())
        self._prepare_network()
        self._order(lambda thinking: thinking.report(board))

    def bench(self) -> None:
        """Orders the benchmark. Does not block."""
        self._prepare_network()
        self._order(lambda thinking: thinking.bench())

    def finish(self, may_wait: Callable[[], bool]) -> None:
        """Ends a hold and waits until everything asked for is answered. Blocks.

        It gives up when nobody reads the output or a network takes too long to load.

        Args:
          may_wait: polled; whether it may take more than a moment.
        """
        if self._answer is not None:
            self._answer.release()
        started_s = time.monotonic()
        with self._jobs.all_tasks_done:
            while self._jobs_owed + self._readyok.count and not self._output.is_abandoned():
                waited_s = time.monotonic() - started_s
                is_stuck = self._is_loading and waited_s > _LONGEST_LOAD_S
                if is_stuck or (waited_s > _PATIENCE_S and not may_wait()):
                    return
                self._jobs.all_tasks_done.wait(_POLL_S)

    def _change_log(self) -> None:
        file = self.settings.log_file
        self._output.set_log(ProtocolLog(file) if file is not None else None)

    def _change_network(self, before: Settings) -> None:
        self._network_is_due = True
        threads = self.settings.threads
        if threads != before.threads and self._threads_in_use not in (None, threads):
            self._output.write_note(
                f"Threads {threads} takes effect when it is set before isready at the next start; "
                f"{self._threads_in_use} in use now"
            )

    def _restart_random_numbers(self) -> None:
        seed = self.settings.seed
        self._order(lambda thinking: thinking.start_game(seed), is_owed=False)

    def _prepare_network(self) -> None:
        """Orders the network to be loaded unless that was done."""
        if self._network_is_due:
            self._network_is_due = False
            self._order(self._load, prepares=True, is_owed=False)

    def _load(self, thinking: "Thinking") -> None:
        request = self.settings.weights_request()  # another one may have been asked for since
        if self._threads_in_use is None:
            self._threads_in_use = request.threads
        self._is_loading = True
        try:
            thinking.load(request)
        finally:
            self._is_loading = False

    def _order(
        self,
        work: "Callable[[Thinking], None]",
        answer: HeldAnswer | None = None,
        *,
        prepares: bool = False,
        is_owed: bool = True,
    ) -> None:
        with self._lock:
            self._jobs_owed += is_owed
            self._preparing += prepares
        self._jobs.put(_Job(work=work, settings=self.settings, answer=answer, prepares=prepares, is_owed=is_owed))
        if self._thread is None:
            self._thread = threading.Thread(target=self._do_jobs, name="worker", daemon=True)
            self._thread.start()

    def _do_jobs(self) -> None:
        while True:
            job = self._jobs.get()
            try:
                self._do(job)
            except Exception as error:  # whatever fails, a go gets its answer
                self._output.write_failure(error)
                if job.answer is not None:
                    job.answer.give(NO_MOVE)
            with self._lock:
                self._jobs_owed -= job.is_owed
                self._preparing -= job.prepares
                if job.prepares and not self._preparing:
                    self._readyok.write()
            self._jobs.task_done()

    def _do(self, job: _Job) -> None:
        if self._thinking is None:
            from engine.uci.thinking import Thinking

            self._thinking = Thinking(self._output, self._load_evaluator, lambda: not self._jobs.empty())
        try:
            self._thinking.follow(job.settings)
        except Exception as error:  # the job is done without the file that failed
            self._output.write_failure(error)
        job.work(self._thinking)
