"""RecurseZero as a program that chess programs start: the Universal Chess Interface on pipes."""

import gc
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.command_line import COMMANDS, command_list, find_command, run_command
from engine.command_options import CommandParser, add_weights
from engine.engine_command import is_executable
from engine.version import VERSION

if TYPE_CHECKING:
    from engine.player.evaluator import RecursiveEvaluator
    from engine.uci.options import WeightsRequest


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command, or else plays until `quit` or the end of the input; returns the exit status."""
    if is_executable():
        import multiprocessing

        multiprocessing.freeze_support()  # does the work of a process that a command has started
    words = list(sys.argv[1:] if argv is None else argv)
    named = find_command(words)
    if named is not None:
        return run_command(*named)
    parser = _parser()
    if words and not words[0].startswith("-"):
        parser.error(f"expected a command or nothing, got {words[0]!r} (allowed: {', '.join(COMMANDS)})")
    arguments = parser.parse_args(words)
    from engine.uci.protocol_streams import take_over_stdio
    from engine.uci.uci_loop import UciLoop

    lines, output = take_over_stdio()
    loop = UciLoop(output, _load_evaluator, arguments.weights)
    try:
        loop.run(lines)
    except KeyboardInterrupt:
        pass  # a person at the terminal had enough
    if loop.controller.has_worked:
        os._exit(0)  # a compilation cannot be interrupted, and tidying up after JAX takes time that nobody has
    return 0


def _parser() -> CommandParser:
    commands = f"Commands (each has a --help):\n\n{command_list()}"
    parser = CommandParser(
        "recursezero",
        "A chess engine that does not search. Without a command it speaks UCI, for chess programs.",
        usage="recursezero [COMMAND] [OPTION ...]",
        epilog=commands,
    )
    add_weights(parser)
    parser.add_argument("--version", action="version", version=f"RecurseZero {VERSION}", help="print the version")
    return parser


def _load_evaluator(request: "WeightsRequest") -> "RecursiveEvaluator":
    from engine.player.backend import limit_threads
    from engine.weights_location import default_weights_folder

    folder = request.folder or default_weights_folder()
    limit_threads(request.threads)
    gc.disable()  # what is made while loading stays, so looking for what does not would be a tenth of the time
    try:
        from engine.player.network_evaluator import load_network_evaluator

        return load_network_evaluator(folder, request.backend, request.tolerance, in_background=True)
    finally:
        gc.freeze()
        gc.enable()


if __name__ == "__main__":
    sys.exit(main())
