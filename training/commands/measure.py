"""Measures a player: the commands `regret`, `puzzles`, `conversion`, `random` and `iterations`."""

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.command_line import exit_status
from training.commands.engine_arguments import (
    OWN_ENGINE,
    ending_engines,
    engine_spec,
    positive_number,
    positive_whole,
    whole_number,
)
from training.evaluation.failures import EvaluationError

if TYPE_CHECKING:
    from training.evaluation.engines.engine_spec import EngineSpec
    from training.evaluation.measures.figures import Measurement
    from training.evaluation.measures.measurements import Subject


def regret(argv: Sequence[str]) -> int:
    """Measures the expected score given away per move; returns the exit status."""
    return _run("regret", argv)


def puzzles(argv: Sequence[str]) -> int:
    """Measures the share of Lichess puzzles solved, over all and by rating; returns the exit status."""
    return _run("puzzles", argv)


def conversion(argv: Sequence[str]) -> int:
    """Measures how many won endings are won against a uniform random mover; returns the exit status."""
    return _run("conversion", argv)


def random(argv: Sequence[str]) -> int:
    """Plays games against a uniform random mover; returns the exit status."""
    return _run("random", argv)


def iterations(argv: Sequence[str]) -> int:
    """Studies what the iterations of a network are used for; returns the exit status."""
    return _run("iterations", argv)


def _run(measure: str, argv: Sequence[str]) -> int:
    program, texts = "recursezero", [measure, *argv]
    arguments = _parser(program).parse_args(texts)
    from engine.files.text_file import FileError

    command = shlex.join([program, *texts])
    errors = (EvaluationError, FileError, OSError)
    return exit_status(arguments.measure, lambda: ending_engines(lambda: _report(arguments, command)), errors)


def _report(arguments: argparse.Namespace, command: str) -> int:
    from training.evaluation.measures.figures import check_json_path, write_json

    if arguments.json is not None:
        check_json_path(arguments.json)
    measurement = _measure(arguments)
    print(f"{arguments.measure} of {measurement.engine['name']}", flush=True)
    print("\n".join(measurement.lines))
    if arguments.json is not None:
        write_json(arguments.json, arguments.measure, command, measurement)
    return 0


def _measure(arguments: argparse.Namespace) -> "Measurement":
    from training.evaluation.measures import measurements

    if arguments.measure == "regret":
        subject = _subject(arguments)
        return measurements.regret_measurement(subject, arguments.positions, arguments.limit)
    if arguments.measure == "puzzles":
        subject = _subject(arguments)
        return measurements.puzzle_measurement(subject, arguments.puzzles, arguments.limit)
    if arguments.measure == "conversion":
        return measurements.conversion_measurement(
            _engine_spec(arguments), games=arguments.games, seed=arguments.seed, max_moves=arguments.max_moves
        )
    if arguments.measure == "iterations":
        return _iterations(arguments)
    return measurements.random_measurement(
        _engine_spec(arguments),
        games=arguments.games,
        seed=arguments.seed,
        max_plies=arguments.max_plies,
        pgn_file=arguments.pgn,
    )


def _iterations(arguments: argparse.Namespace) -> "Measurement":
    from engine.weights_location import WeightsNotFoundError, default_weights_folder
    from training.studies.iterations.iteration_measurement import TOLERANCES, iteration_measurement

    try:
        weights: Path = arguments.weights or default_weights_folder()
    except WeightsNotFoundError as error:
        raise EvaluationError(str(error)) from error
    return iteration_measurement(
        weights,
        arguments.positions,
        puzzle_file=arguments.puzzles,
        limit=arguments.limit,
        steps=arguments.steps,
        tolerances=arguments.tolerance or TOLERANCES,
        svg=arguments.svg,
    )


def _subject(arguments: argparse.Namespace) -> "Subject":

    if arguments.in_process is None:
        return _engine_spec(arguments)
    if arguments.engine is not None or arguments.weights is not None or arguments.option:
        raise EvaluationError("expected --in-process without --engine, --weights and --option, got both")
    folder: Path = arguments.in_process
    return folder


def _engine_spec(arguments: argparse.Namespace) -> "EngineSpec":
    from training.evaluation.engines.engine_spec import weights_digest

    if arguments.engine is not None and arguments.weights is not None:
        raise EvaluationError("expected --weights only for this project's engine, got --engine too")
    if arguments.weights is not None:
        weights_digest(arguments.weights)  # refuses a folder that holds no network
    engine = arguments.engine
    if engine is None:
        engine = OWN_ENGINE if arguments.weights is None else str(arguments.weights)
    limit = f"nodes={arguments.engine_nodes}"
    if arguments.engine_depth is not None:
        limit = f"depth={arguments.engine_depth}"
    elif arguments.engine_movetime is not None:
        limit = f"movetime={arguments.engine_movetime}"
    return engine_spec(engine, options=arguments.option, limit=limit, margin_ms=1000)


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program,
        description="Measures how well a UCI engine plays; by default this project's own.",
    )
    measures = parser.add_subparsers(dest="measure", required=True, metavar="MEASURE")
    regret = measures.add_parser("regret", help="expected score given away per move")
    _add_subject(regret)
    regret.add_argument(
        "--positions",
        required=True,
        type=Path,
        metavar="FILE",
        help="group TAB fen TAB value of every legal move, plain or .xz",
    )
    puzzles = measures.add_parser("puzzles", help="share of Lichess puzzles solved, by rating")
    _add_subject(puzzles)
    puzzles.add_argument(
        "--puzzles",
        required=True,
        type=Path,
        metavar="FILE",
        help="PuzzleId,FEN,Moves,Rating,... with a header line, plain or .xz",
    )
    random = measures.add_parser("random", help="games against a uniform random mover")
    _add_match(random, games=200)
    conversion = measures.add_parser("conversion", help="won endings won against a uniform random mover")
    _add_conversion(conversion)
    iterations = measures.add_parser("iterations", help="iterations against difficulty, and exit rules")
    _add_iterations(iterations)
    return parser


def _add_engine(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--engine", metavar="CMD", help="command of a UCI engine (default: this project's)")
    add("--weights", type=Path, metavar="DIR", help="weights folder for this project's engine")
    add(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="UCI option of the engine; may be repeated",
    )
    limit = parser.add_mutually_exclusive_group()
    nodes_help = "nodes for each move of the engine (default: 1)"
    limit.add_argument("--engine-nodes", type=int, default=1, metavar="N", help=nodes_help)
    limit.add_argument("--engine-depth", type=int, metavar="N", help="depth instead of nodes")
    limit.add_argument("--engine-movetime", type=int, metavar="MS", help="time instead of nodes")
    add("--json", type=Path, metavar="FILE", help="also write the figures to this file")


def _add_subject(parser: argparse.ArgumentParser) -> None:
    _add_engine(parser)
    parser.add_argument(
        "--in-process",
        type=Path,
        metavar="DIR",
        help="evaluate this weights folder in batches, without a UCI engine",
    )
    parser.add_argument("--limit", type=positive_whole, metavar="N", help="use only the first N")


def _add_conversion(parser: argparse.ArgumentParser) -> None:
    _add_engine(parser)
    add = parser.add_argument
    add(
        "--games", type=positive_whole, default=100, metavar="N", help="K+Q v K, K+R v K and +9 by turns (default: 100)"
    )
    add("--seed", type=int, default=1, metavar="N", help="fixes endings and draws (default: 1)")
    moves_help = "moves in which the engine has to mate (default: 60)"
    add("--max-moves", type=positive_whole, default=60, metavar="N", help=moves_help)


def _add_iterations(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--weights", type=Path, metavar="DIR", help="weights folder, evaluated in this process (default: the shipped)")
    positions_help = "group TAB fen TAB value of every legal move, plain or .xz"
    add("--positions", required=True, type=Path, metavar="FILE", help=positions_help)
    add("--puzzles", type=Path, metavar="FILE", help="Lichess puzzles, whose first move is asked for")
    add("--limit", type=positive_whole, metavar="N", help="use only the first N of each")
    add("--steps", type=whole_number, default=0, metavar="N", help="most iterations (default: the network's own)")
    tolerance_help = "an exit rule to try; repeatable (default: eleven of them)"
    add("--tolerance", type=positive_number, action="append", metavar="X", help=tolerance_help)
    add("--svg", type=Path, metavar="FILE", help="write plots to this file")
    add("--json", type=Path, metavar="FILE", help="also write the figures to this file")


def _add_match(parser: argparse.ArgumentParser, *, games: int) -> None:
    _add_engine(parser)
    add = parser.add_argument
    add(
        "--games",
        type=int,
        default=games,
        metavar="N",
        help=f"even number of games, two an opening (default: {games})",
    )
    add("--seed", type=int, default=1, metavar="N", help="fixes openings and draws (default: 1)")
    add(
        "--max-plies",
        type=positive_whole,
        default=400,
        metavar="N",
        help="a game is a draw at this many plies (default: 400)",
    )
    add("--pgn", type=Path, metavar="FILE", help="write the games to this file as they end")
