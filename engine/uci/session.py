"""A session of the Universal Chess Interface: what each command does to the state.

The reader thread calls `handle` and never waits for the network; the jobs that need it, or that
take long, run one after another in a worker thread with the position and settings of the moment
they were ordered. So `isready` is answered at once during a search and while an answer is held,
and `readyok` waits only for a network that is still to be loaded.

  * Every `go` gets exactly one `bestmove` (`go perft` none). A second `go`, or `ucinewgame`, ends
    the hold of the first, whose `bestmove` comes before anything of the second.
  * A command that cannot be carried out changes nothing: after an impossible FEN or an illegal
    move anywhere in its list, the whole previous position is kept. One `info string error:` line
    says why. Before `uci`, lines that are no command are ignored without a word, because some
    programs try other protocols first.
  * `quit` ends at once. The end of the input ends too, but what was ordered before it is still
    answered, so that commands can be piped in.
"""

import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import chess

from engine.uci.board_report import board_report
from engine.uci.commands import (
    HELP,
    Bare,
    Command,
    Debug,
    Go,
    Invalid,
    Position,
    SetOption,
    parse_command,
)
from engine.uci.held_answer import HeldAnswer
from engine.uci.network_slot import NetworkSlot, WeightsRequest
from engine.uci.options import OPTIONS, OptionError, Settings, find_option, with_option
from engine.uci.perft import perft_lines
from engine.uci.position_setup import PositionError, board_of
from engine.uci.protocol_streams import ProtocolOutput
from engine.uci.worker import Worker
from engine.version import VERSION

if TYPE_CHECKING:  # NumPy comes with them, which the answer to `uci` does not wait for
    from engine.player.evaluator import Evaluator
    from engine.uci.thinking import Thinking


class Session:
    """Carries out commands. Only one thread may call its methods; none but `run` blocks."""

    def __init__(
        self,
        output: ProtocolOutput,
        load_evaluator: Callable[[WeightsRequest], "Evaluator"],
        weights_folder: Path | None = None,
    ) -> None:
        """Makes a session at the starting position; nothing is loaded yet.

        Args:
          output: where every line goes.
          load_evaluator: loads a network, compiled and ready; called in the worker thread.
          weights_folder: the first value of WeightsFile, None for the shipped network.
        """
        self._output = output
        self._settings = Settings(weights_folder=weights_folder)
        self._defaults = self._settings
        self._slot = NetworkSlot(load_evaluator, self._weights_request())
        self._worker = Worker()
        self._thinking: Thinking | None = None  # used by the worker thread only
        self._board = chess.Board()
        self._greeted = False
        self._debug = False
        self._answer: HeldAnswer | None = None  # of the last go
        self._pondering = False  # whether `ponderhit` may release it
        self._readyok_owed = 0
        self._readyok_lock = threading.Lock()
        self._actions: dict[str, Callable[[], None]] = {
            "uci": self._greet,
            "isready": self._get_ready,
            "ucinewgame": self._start_game,
            "stop": self._stop,
            "ponderhit": self._ponderhit,
            "register": lambda: None,
            "d": lambda: output.write(*board_report(self._board, self._settings.opponent)),
            "eval": self._report,
            "help": lambda: output.write(*HELP),
        }

    @property
    def busy(self) -> bool:
        """Whether the worker thread has something to do."""
        return self._worker.busy

    def run(self, lines: Iterable[str]) -> None:
        """Carries out the lines until `quit` or their end, or until nobody reads the output."""
        for line in lines:
            if not self.handle(line) or self._output.closed:
                return
        self.finish()

    def finish(self) -> None:
        """Ends a hold and blocks until everything ordered so far is answered."""
        if self._answer is not None:
            self._answer.release()
        self._worker.finish()

    def handle(self, line: str) -> bool:
        """Carries out one line, or orders it to be done; returns whether to go on."""
        try:
            command = parse_command(line)
            if isinstance(command, Bare) and command.word == "quit":
                return False
            self._carry_out(command)
        except (OptionError, PositionError) as error:
            self._output.write_error(str(error))
        except Exception as error:  # a fault of this program must not end a game
            self._report_failure(error)
        return True

    def _carry_out(self, command: Command | None) -> None:
        match command:
            case Bare(word):
                self._actions[word]()
            case Debug(on):
                self._debug = on
            case SetOption():
                self._set_option(command)
            case Position():
                self._board = board_of(command, self._settings.chess960)
            case Go():
                self._go(command)
            case Invalid(problem, known):
                if known or self._greeted:
                    self._output.write_error(problem)

    def _greet(self) -> None:
        self._greeted = True
        options = [option.declaration(self._defaults) for option in OPTIONS]
        name = f"id name RecurseZero {VERSION}"
        self._output.write(name, "id author the RecurseZero developers", *options, "uciok")

    def _set_option(self, command: SetOption) -> None:
        option = find_option(command.name)
        self._settings = with_option(self._settings, option, command.value)
        if option.name in ("WeightsFile", "Threads"):
            self._slot.ask(self._weights_request())
        if option.name == "Clear Hash":
            self._order(lambda thinking: thinking.clear_cache())
        elif option.name == "Seed":
            self._order_new_random_numbers()
        elif option.name == "Threads":
            in_use = self._slot.threads_in_use
            if in_use not in (None, self._settings.threads):
                self._output.write(
                    f"info string Threads {self._settings.threads} takes effect when the engine "
                    f"is started again and it is set before isready; {in_use} in use"
                )

    def _weights_request(self) -> WeightsRequest:
        return WeightsRequest(self._settings.weights_folder, self._settings.threads)

    def _get_ready(self) -> None:
        with self._readyok_lock:
            if self._slot.settled:
                self._output.write("readyok")
                return
            self._readyok_owed += 1
        self._order(lambda _: None)

    def _start_game(self) -> None:
        self._stop()
        self._board = chess.Board(chess960=self._settings.chess960)
        self._order_new_random_numbers()

    def _order_new_random_numbers(self) -> None:
        seed = self._settings.seed
        self._order(lambda thinking: thinking.start_game(seed), needs_network=False)

    def _go(self, go: Go) -> None:
        for problem in go.problems:
            self._output.write_error(problem)
        self._stop()
        answer = HeldAnswer(self._output, held=go.infinite or go.ponder)
        self._answer, self._pondering = answer, go.ponder and not go.infinite
        board, settings, debug = self._board.copy(), self._settings, self._debug
        if go.perft is not None:
            self._order_perft(board, go.perft, answer)
            return
        self._order(lambda thinking: thinking.answer(board, go, settings, debug, answer), answer)

    def _order_perft(self, board: chess.Board, depth: int, answer: HeldAnswer) -> None:
        def count(_thinking: "Thinking") -> None:
            for line in perft_lines(board, depth, lambda: answer.stopped or self._output.closed):
                self._output.write(line)

        self._order(count, needs_network=False)

    def _report(self) -> None:
        board = self._board.copy()
        self._order(lambda thinking: thinking.report(board))

    def _stop(self) -> None:
        if self._answer is not None:
            self._answer.stop()

    def _ponderhit(self) -> None:
        if self._answer is not None and self._pondering:
            self._answer.release()

    def _order(
        self,
        job: Callable[["Thinking"], None],
        answer: HeldAnswer | None = None,
        needs_network: bool = True,
    ) -> None:
        """Has the worker thread do a job, loading the network first if the job needs it.

        Args:
          job: gets the `Thinking` of this session.
          answer: what to give `bestmove (none)` if the job fails.
          needs_network: whether a network asked for must be loaded before.
        """
        settings = self._settings

        def run_job() -> None:
            try:
                thinking = self._get_thinking()
                if needs_network:
                    self._prepare(thinking, settings)
                job(thinking)
            except Exception as error:  # whatever fails, a go gets its answer
                self._report_failure(error)
                if answer is not None:
                    answer.give("bestmove (none)")

        self._worker.submit(run_job)

    def _prepare(self, thinking: "Thinking", settings: Settings) -> None:
        thinking.prepare(settings)
        with self._readyok_lock:
            # If another network was asked for meanwhile, the job that loads it comes here too.
            if self._slot.settled:
                self._output.write(*["readyok"] * self._readyok_owed)
                self._readyok_owed = 0

    def _get_thinking(self) -> "Thinking":
        if self._thinking is None:
            from engine.uci.thinking import Thinking

            self._thinking = Thinking(self._output, self._slot)
        return self._thinking

    def _report_failure(self, error: Exception) -> None:
        traceback.print_exc(file=sys.stderr)
        self._output.write_error(f"{type(error).__name__}: {error}")
