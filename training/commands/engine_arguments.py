"""Arguments of command lines that name engines: which program, its options, what a move may cost."""

import argparse
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.command_line import exit_status
from training.evaluation.failures import EvaluationError

if TYPE_CHECKING:
    from training.evaluation.engines.engine_spec import EngineSpec
    from training.evaluation.match.opening_choice import OpeningChoice

OWN_ENGINE = "recursezero"


def run_with_engines(
    parser: argparse.ArgumentParser, argv: Sequence[str] | None, work: Callable[[argparse.Namespace, str], int]
) -> int:
    """Runs a command that talks to engines, and logs the conversations if --engine-log says where.

    Args:
      parser: of the command line, `recursezero NAME`.
      argv: the arguments after the program's name; by default the process's own.
      work: gets the arguments and the whole command line; returns the exit status.

    Returns:
      What the work returns, 2 after an error has been written to stderr, or 130 after an interruption.
    """
    texts = list(sys.argv[1:] if argv is None else argv)
    arguments = parser.parse_args(texts)
    command = parser.prog.split()

    def work_with_log() -> int:
        from training.evaluation.engines.engine_protocols import engine_log

        with engine_log(arguments.engine_log):
            return work(arguments, shlex.join([*command, *texts]))

    return exit_status(command[-1], lambda: ending_engines(work_with_log), (EvaluationError, OSError))


def ending_engines(work: Callable[[], int]) -> int:
    """Returns what the work returns, and lets no engine outlive it."""
    from training.evaluation.engines.engine_protocols import Stopwatch

    try:
        return work()
    finally:  # an interruption may come before an engine that starts is anybody's to close
        Stopwatch.kill_all()


def add_timing(parser: argparse.ArgumentParser) -> None:
    """Adds when an answer is late."""
    parser.add_argument(
        "--margin-ms",
        type=whole_number,
        default=100,
        metavar="MS",
        help="an answer this much after its time still counts (default: 100)",
    )
    parser.add_argument(
        "--stall-s",
        type=positive_number,
        default=60.0,
        metavar="S",
        help="an answer this long after its time is no longer waited for (default: 60)",
    )


def engine_spec(
    engine: str,
    *,
    options: list[str],
    limit: str | None,
    name: str | None = None,
    xboard: bool = False,
    margin_ms: int = 100,
    stall_s: float = 60.0,
) -> "EngineSpec":
    """Returns the engine that a text means.

    Args:
      engine: `recursezero` for this project's with its shipped network, a folder of weights for it,
        or else a command.
      options: `Name=Value` each.
      limit: of a move, as text; None for one evaluation, which only this project's engine can take.
      name: shown in reports; by default what the engine calls itself.
      xboard: whether it speaks xboard's protocol instead of UCI.
      margin_ms: an answer this much later than its time loses.
      stall_s: after so many seconds beyond its time an answer is no longer waited for.

    Raises:
      EvaluationError: one line about what cannot be used.
    """
    from engine.weights_location import WeightsNotFoundError, default_weights_folder
    from training.evaluation.engines.engine_spec import EngineSpec, own_engine_command, parse_options, split_command
    from training.evaluation.engines.time_control import MoveLimit, parse_move_limit

    weights: Path | None = None
    if engine == OWN_ENGINE:
        try:
            weights = default_weights_folder()
        except WeightsNotFoundError as error:
            raise EvaluationError(str(error)) from error
    elif engine and Path(engine).is_dir():
        weights = Path(engine).resolve()
    if weights is not None:
        _check_network(weights)
    if limit is None and weights is None:
        raise EvaluationError(f"expected a limit for {engine!r}, such as nodes=20000 or tc=1+0.01, got none")
    return EngineSpec(
        command=split_command(engine) if weights is None else own_engine_command(weights),
        options=parse_options(options),
        limit=MoveLimit(nodes=1) if limit is None else parse_move_limit(limit),
        protocol="xboard" if xboard else "uci",
        name=name,
        weights_folder=weights,
        margin_ms=margin_ms,
        stall_s=stall_s,
    )


def _check_network(folder: Path) -> None:
    """Refuses a network that cannot play, which would lose every game.

    Raises:
      EvaluationError: it cannot.
    """
    from engine.checkpoint import CheckpointError, read_network_facts

    try:
        read_network_facts(folder)
    except CheckpointError as error:
        raise EvaluationError(str(error)) from error


def add_openings(parser: argparse.ArgumentParser) -> None:
    """Adds which openings are played."""
    add = parser.add_argument
    add("--openings", type=Path, metavar="FILE", help="PGN, EPD, FEN, or UCI moves by line (default: built-in book)")
    add("--strict", action="store_true", help="stop at the first opening that cannot be read (default: skip it)")
    add("--plies", type=positive_whole, metavar="N", help="play only N plies of a PGN opening")
    add("--in-order", action="store_true", help="take openings as they stand in the book (default: drawn at random)")
    add("--seed", type=int, default=1, metavar="N", help="fixes the openings drawn (default: 1)")
    add("--chess960", action="store_true", help="play Chess960, by default from its 960 starting positions")


def opening_choice(arguments: argparse.Namespace) -> "OpeningChoice":
    """Returns what the arguments of `add_openings` ask for."""
    from training.evaluation.match.opening_choice import OpeningChoice

    return OpeningChoice(
        file=arguments.openings,
        seed=arguments.seed,
        in_order=arguments.in_order,
        plies=arguments.plies,
        chess960=arguments.chess960,
        strict=arguments.strict,
    )


def positive_whole(text: str) -> int:
    """Reads a whole number of at least 1, for argparse."""
    number = whole_number(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a number of at least 1, got {text}")
    return number


def whole_number(text: str) -> int:
    """Reads a whole number of at least 0, for argparse."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 0, got {text!r}")
    return int(text)


def positive_number(text: str) -> float:
    """Reads a number above 0, for argparse."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r}")
    return number
