"""Reads the lines of the Universal Chess Interface, carries out each, and reports mistakes.

* Every `go` gets exactly one `bestmove` (`go perft` none). A second `go`, or `ucinewgame`, ends the hold of the first,
  whose `bestmove` comes before anything of the second.
* A command that cannot be carried out changes nothing, and one `info string error:` line says why. The exception is
  `position`: the engine has no position after one that cannot be played (position_setup.py).
* Some programs try other protocols first and set options of other engines: lines that are no command are ignored
  before `uci`, and an option that does not exist is reported on standard error and in the log only, unless `debug` is
  on.
* `quit` and the end of the input end the session when everything asked for is answered, so that commands can be piped
  in. After `quit`, a chess program that keeps its pipe open waits for the end of the process, so it comes in seconds.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from engine.uci.commands import Bare, Command, Debug, Go, Invalid, Position, SetOption, parse_command
from engine.uci.controller import Controller
from engine.uci.option_kinds import OptionError, UnknownOptionError
from engine.uci.options import ABOUT, Settings, declarations
from engine.uci.position_setup import PositionError
from engine.uci.protocol_streams import LogFileError, ProtocolOutput, allow_interrupts
from engine.version import VERSION
from engine.weights_location import network_label

if TYPE_CHECKING:  # NumPy comes with it, which the answer to `uci` does not wait for
    from engine.uci.thinking import LoadEvaluator


class UciLoop:
    """A session with one chess program.

    Args:
      output: where every line goes.
      load_evaluator: loads a network, compiled and ready.
      weights_folder: the first value of WeightsFile, None for the shipped network.
    """

    def __init__(
        self, output: ProtocolOutput, load_evaluator: "LoadEvaluator", weights_folder: Path | None = None
    ) -> None:
        self.controller = Controller(output, load_evaluator, weights_folder)
        self._output = output
        self._defaults: Settings = self.controller.settings
        self._greeted = False
        self._debug = False
        self._actions: dict[str, Callable[[], None]] = {
            "uci": self._greet,
            "isready": self.controller.ensure_ready,
            "ucinewgame": self.controller.new_game,
            "stop": self.controller.stop,
            "ponderhit": self.controller.ponderhit,
            "register": lambda: None,
            "d": self._show_board,
            "eval": self.controller.report_evaluation,
            "bench": self.controller.bench,
            "help": self._show_help,
            "license": self._show_licence,
            "version": lambda: output.write(ABOUT),
        }

    def run(self, lines: Iterable[str]) -> None:
        """Carries out the lines until `quit` or their end, or until nobody reads the output. Blocks."""
        rest = iter(lines)
        for line in rest:
            if not self.handle(line):
                break
            if self._output.closed:
                return
        self._finish(rest)

    def handle(self, line: str) -> bool:
        """Carries out one line, or orders it to be done; returns False for `quit`. Does not block."""
        self._output.log_received(line)
        try:
            command = parse_command(line)
            if isinstance(command, Bare) and command.word == "quit":
                return False
            self._carry_out(command, line)
        except UnknownOptionError as error:
            (self._output.write_error if self._debug else self._output.write_aside)(str(error))
        except (OptionError, PositionError, LogFileError) as error:
            self._output.write_error(str(error))
        except Exception as error:  # a fault of this program must not end a game
            self._output.write_failure(error)
        return True

    def _carry_out(self, command: Command | None, line: str) -> None:
        match command:
            case Bare(word):
                self._actions[word]()
            case Debug(on):
                self._debug = on
            case SetOption(name, value):
                self.controller.set_option(name, value)
            case Position():
                self.controller.set_position(command)
            case Go():
                for problem in command.problems:
                    self._output.write_error(problem)
                self.controller.go(command, self._debug)
            case Invalid(problem, known):
                if line.split()[0] == "position":
                    self.controller.refuse_position(problem)
                if known or self._greeted:
                    self._output.write_error(problem)

    def _finish(self, rest: Iterator[str]) -> None:
        """Waits until everything asked for is answered; after `quit`, for long only if the input ends too."""
        allow_interrupts()
        input_ended = threading.Event()

        def await_end() -> None:
            deque(rest, maxlen=0)
            input_ended.set()

        if self.controller.busy:
            threading.Thread(target=await_end, name="end of input", daemon=True).start()
        self.controller.finish(input_ended.is_set)

    def _greet(self) -> None:
        self._greeted = True
        label = network_label(self.controller.settings.weights_folder)
        name = f"id name RecurseZero {VERSION} {label}".rstrip()
        self._output.write(name, "id author the RecurseZero developers", *declarations(self._defaults), "uciok")

    def _show_board(self) -> None:
        from engine.uci.terminal_reports import board_report

        self._output.write(*board_report(self.controller.board(), self.controller.settings.opponent))

    def _show_help(self) -> None:
        from engine.uci.terminal_reports import HELP

        self._output.write(*HELP)

    def _show_licence(self) -> None:
        from engine.uci.terminal_reports import LICENCE

        self._output.write(*LICENCE)
