"""A session of the Universal Chess Interface: what each command does to the state.

The reader thread calls `handle` and never waits for the network; the jobs that need it, or that
take long, run one after another in a worker thread with the position and settings of the moment
they were ordered. So `isready` is answered at once during a search and while an answer is held,
and `readyok` waits only for a network that is still to be loaded.

  * Every `go` gets exactly one `bestmove` (`go perft` none). A second `go`, or `ucinewgame`, ends
    the hold of the first, whose `bestmove` comes before anything of the second.
  * A command that cannot be carried out changes nothing, so after an impossible FEN the previous
    position is kept; of a list of moves, those before the first illegal one are made. One `info
    string error:` line says why. Some programs try other protocols first and set options of other
    engines: lines that are no command are ignored without a word before `uci`, and options that
    do not exist with a word on standard error and in the log only, unless `debug` is on.
  * `quit` ends at once. The end of the input ends too, but what was ordered before it is still
    answered as long as somebody can read it, so that commands can be piped in.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import chess

from engine.player.choice import recent_copy
from engine.uci.board_report import board_report
from engine.uci.commands import Bare, Command, Debug, Go, Invalid, Position, SetOption, parse_command
from engine.uci.held_answer import HeldAnswer
from engine.uci.manual import HELP, LICENCE
from engine.uci.network_slot import LoadEvaluator, NetworkSlot, WeightsRequest
from engine.uci.option import OptionError, UnknownOptionError, with_option
from engine.uci.options import OPTIONS, find_option
from engine.uci.orders import Orders
from engine.uci.perft import perft_lines
from engine.uci.position_setup import PositionError, new_game
from engine.uci.protocol_log import ProtocolLog
from engine.uci.protocol_streams import ProtocolOutput
from engine.uci.settings import ABOUT, Settings
from engine.version import VERSION
from engine.weights_location import network_label

if TYPE_CHECKING:  # NumPy comes with it, which the answer to `uci` does not wait for
    from engine.uci.thinking import Thinking


class Session:
    """Carries out commands. Only one thread may call its methods; none but `run` blocks."""

    def __init__(
        self, output: ProtocolOutput, load_evaluator: LoadEvaluator, weights_folder: Path | None = None
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
        self._orders = Orders(output, self._slot)
        self._setup = new_game(self._settings.chess960)
        self._greeted = False
        self._debug = False
        self._answer: HeldAnswer | None = None  # of the last go
        self._pondering = False  # whether `ponderhit` may release it
        self._actions: dict[str, Callable[[], None]] = {
            "uci": self._greet,
            "isready": lambda: self._orders.get_ready(self._settings),
            "ucinewgame": self._start_game,
            "stop": self._stop,
            "ponderhit": self._ponderhit,
            "register": lambda: None,
            "d": lambda: output.write(*board_report(self._setup.board, self._settings.opponent)),
            "eval": self._report,
            "bench": lambda: self._order(lambda thinking: thinking.bench()),
            "help": lambda: output.write(*HELP),
            "license": lambda: output.write(*LICENCE),
            "version": lambda: output.write(ABOUT),
        }
        self._effects: dict[str, Callable[[], None]] = {
            "Clear Hash": lambda: self._order(lambda thinking: thinking.clear_cache(), needs_network=False),
            "Seed": self._order_new_random_numbers,
            "Threads": self._change_threads,
            "WeightsFile": self._change_network,
            "Backend": self._change_network,
            "RecursionTolerance": self._change_network,
            # So that what has to be said of it is said now.
            "MoveSelection": lambda: self._orders.follow(self._settings),
            # Every job makes the files follow the settings, also one that does nothing else.
            "BookFile": lambda: self._orders.follow(self._settings),
            "SyzygyPath": lambda: self._orders.follow(self._settings),
        }

    @property
    def busy(self) -> bool:
        """Whether the worker thread has something to do."""
        return self._orders.busy

    @property
    def has_worked(self) -> bool:
        """Whether the worker thread was ever needed."""
        return self._orders.has_worked

    def run(self, lines: Iterable[str]) -> None:
        """Carries out the lines until `quit` or their end, or until nobody reads the output."""
        for line in lines:
            if not self.handle(line) or self._output.closed:
                return
        self.finish()

    def finish(self) -> None:
        """Ends a hold and blocks until everything ordered so far is answered, or nobody reads it."""
        if self._answer is not None:
            self._answer.release()
        self._orders.finish()

    def handle(self, line: str) -> bool:
        """Carries out one line, or orders it to be done; returns whether to go on."""
        if self._output.log is not None:
            self._output.log.received(line)
        try:
            command = parse_command(line)
            if isinstance(command, Bare) and command.word == "quit":
                return False
            self._carry_out(command)
        except UnknownOptionError as error:
            (self._output.write_error if self._debug else self._output.write_aside)(str(error))
        except (OptionError, PositionError) as error:
            self._output.write_error(str(error))
        except Exception as error:  # a fault of this program must not end a game
            self._orders.report_failure(error)
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
                self._setup = self._setup.followed_by(command, self._settings.chess960)
                if self._setup.problem:
                    self._output.write_error(self._setup.problem)
            case Go():
                self._go(command)
            case Invalid(problem, known):
                if known or self._greeted:
                    self._output.write_error(problem)

    def _greet(self) -> None:
        self._greeted = True
        options = [option.declaration(self._defaults) for option in OPTIONS]
        label = network_label(self._settings.weights_folder)
        name = " ".join(f"id name RecurseZero {VERSION} {label}".split())
        self._output.write(name, "id author the RecurseZero developers", *options, "uciok")

    def _set_option(self, command: SetOption) -> None:
        option = find_option(command.name)
        settings = with_option(self._settings, option, command.value)
        if settings.log_file != self._settings.log_file:
            self._output.set_log(ProtocolLog(settings.log_file) if settings.log_file is not None else None)
        self._settings = settings
        if option.name in self._effects:
            self._effects[option.name]()

    def _change_network(self) -> None:
        self._slot.ask(self._weights_request())

    def _change_threads(self) -> None:
        self._change_network()
        in_use = self._slot.threads_in_use
        if in_use not in (None, self._settings.threads):
            self._output.write(
                f"info string Threads {self._settings.threads} takes effect when the engine "
                f"is started again and it is set before isready; {in_use} in use"
            )

    def _weights_request(self) -> WeightsRequest:
        settings = self._settings
        return WeightsRequest(settings.weights_folder, settings.threads, settings.backend, settings.recursion_tolerance)

    def _start_game(self) -> None:
        self._stop()
        self._setup = new_game(self._settings.chess960)
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
        board, settings, debug = recent_copy(self._setup.board), self._settings, self._debug
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
        board = recent_copy(self._setup.board)
        self._order(lambda thinking: thinking.report(board))

    def _stop(self) -> None:
        if self._answer is not None:
            self._answer.stop()

    def _ponderhit(self) -> None:
        if self._answer is not None and self._pondering:
            self._answer.release()

    def _order(
        self, job: Callable[["Thinking"], None], answer: HeldAnswer | None = None, needs_network: bool = True
    ) -> None:
        self._orders.order(job, self._settings, answer, needs_network)
