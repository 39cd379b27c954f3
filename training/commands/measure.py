"""Measures one player: the commands `puzzles`, `regret`, `conversion`, `random` and `iterations`."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from engine.command_line import print_written
from engine.command_options import (
    add_example,
    add_json,
    add_seed,
    add_strict,
    add_weights,
    positive_number,
    positive_whole,
    whole_number,
)
from training.commands.engine_arguments import (
    LIMIT_FORMS,
    OWN_ENGINE,
    POSITIONS_HELP,
    PUZZLES_HELP,
    add_max_plies,
    engine_spec,
    engines_ended,
)
from training.evaluation.failures import EvaluationError

if TYPE_CHECKING:
    from training.evaluation.engines.engine_spec import EngineSpec
    from training.evaluation.measures.figures import Measurement
    from training.evaluation.measures.measurements import Subject


def add_puzzles(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `recursezero puzzles`."""
    add = parser.add_argument
    add("--puzzles", required=True, type=Path, metavar="FILE", help=PUZZLES_HELP)
    add("--first", type=positive_whole, metavar="N", help="use only the first N puzzles")
    add_strict(parser, "puzzle")
    _add_engine(parser)
    _add_in_process(parser)
    add_json(parser)
    add_example(parser, "recursezero puzzles --puzzles puzzles.csv --first 2000 --weights weights/mine")
    parser.set_defaults(work=lambda arguments: _report("puzzles", _puzzles, arguments))


def add_regret(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `recursezero regret`."""
    add = parser.add_argument
    add("--positions", required=True, type=Path, metavar="FILE", help=POSITIONS_HELP)
    add("--first", type=positive_whole, metavar="N", help="use only the first N positions")
    _add_engine(parser)
    _add_in_process(parser)
    add_json(parser)
    add_example(parser, "recursezero regret --positions validation.tsv --weights weights/mine --in-process")
    parser.set_defaults(work=lambda arguments: _report("regret", _regret, arguments))


def add_conversion(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `recursezero conversion`."""
    add = parser.add_argument
    games_help = "games, from K+Q v K, from K+R v K and from nine pawns ahead in turn (default: 100)"
    add("--games", type=positive_whole, default=100, metavar="N", help=games_help)
    moves_help = "moves in which the engine has to mate (default: 60)"
    add("--max-moves", type=positive_whole, default=60, metavar="N", help=moves_help)
    _add_engine(parser)
    add_seed(parser)
    add_json(parser)
    add_example(parser, "recursezero conversion --games 300 --weights weights/mine")
    parser.set_defaults(work=lambda arguments: _report("conversion", _conversion, arguments))


def add_random(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `recursezero random`."""
    add = parser.add_argument
    games_help = "an even number of games, two from each opening (default: 200)"
    add("--games", type=positive_whole, default=200, metavar="N", help=games_help)
    add_max_plies(parser)
    _add_engine(parser)
    add_seed(parser)
    add("--pgn", type=Path, metavar="FILE", help="write the games to this file, in order")
    add_json(parser)
    add_example(parser, "recursezero random --games 100 --pgn games.pgn")
    parser.set_defaults(work=lambda arguments: _report("random", _random, arguments))


def add_iterations(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `recursezero iterations`."""
    add = parser.add_argument
    add("--positions", required=True, type=Path, metavar="FILE", help=POSITIONS_HELP)
    add("--puzzles", type=Path, metavar="FILE", help=f"{PUZZLES_HELP}; their first moves are asked for")
    add("--first", type=positive_whole, metavar="N", help="use only the first N positions and puzzles")
    add_weights(parser)
    add("--steps", type=whole_number, default=0, metavar="N", help="most iterations (default: the network's own)")
    tolerance_help = "exit rule to try; repeatable (default: eleven of them)"
    add("--tolerance", type=positive_number, action="append", metavar="X", help=tolerance_help)
    add("--plot", type=Path, metavar="FILE", help="write all plots to this SVG file")
    add_json(parser)
    add_example(parser, "recursezero iterations --positions validation.tsv --plot iterations.svg")
    parser.set_defaults(work=lambda arguments: _report("iterations", _iterations, arguments))


def _add_engine(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--engine", metavar="CMD", help="command of a UCI engine (default: recursezero)")
    add_weights(parser)
    add("--option", action="append", default=[], metavar="NAME=VALUE", help="UCI option of the engine; repeatable")
    add("--limit", default="nodes=1", metavar="LIMIT", help=f"limit of a move: {LIMIT_FORMS} (default: nodes=1)")


def _add_in_process(parser: argparse.ArgumentParser) -> None:
    in_process_help = "evaluate the network in this process, in batches, instead of through UCI: quicker"
    parser.add_argument("--in-process", action="store_true", help=in_process_help)


def _report(
    measure: str, measurement_of: Callable[[argparse.Namespace], "Measurement"], arguments: argparse.Namespace
) -> int:
    from training.evaluation.measures.figures import check_json_path, write_json

    if arguments.json is not None:
        check_json_path(arguments.json)
    with engines_ended():
        measurement = measurement_of(arguments)
    print(f"{measure} of {measurement.engine['name']}", flush=True)
    print("\n".join(measurement.lines))
    if arguments.json is not None:
        write_json(arguments.json, measure, arguments.command_line, measurement)
    print_written(*(getattr(arguments, name, None) for name in ("pgn", "plot", "json")))
    return 0


def _puzzles(arguments: argparse.Namespace) -> "Measurement":
    from training.evaluation.measures.measurements import puzzle_measurement

    return puzzle_measurement(_subject(arguments), arguments.puzzles, arguments.first, strict=arguments.strict)


def _regret(arguments: argparse.Namespace) -> "Measurement":
    from training.evaluation.measures.measurements import regret_measurement

    return regret_measurement(_subject(arguments), arguments.positions, arguments.first)


def _conversion(arguments: argparse.Namespace) -> "Measurement":
    from training.evaluation.measures.measurements import conversion_measurement

    return conversion_measurement(
        _engine_spec(arguments), games=arguments.games, seed=arguments.seed, max_moves=arguments.max_moves
    )


def _random(arguments: argparse.Namespace) -> "Measurement":
    from training.evaluation.measures.measurements import random_measurement

    return random_measurement(
        _engine_spec(arguments),
        games=arguments.games,
        seed=arguments.seed,
        max_plies=arguments.max_plies,
        pgn_file=arguments.pgn,
    )


def _iterations(arguments: argparse.Namespace) -> "Measurement":
    from engine.weights_location import default_weights_folder
    from training.studies.iterations.iteration_measurement import TOLERANCES, iteration_measurement

    return iteration_measurement(
        arguments.weights or default_weights_folder(),
        arguments.positions,
        puzzle_file=arguments.puzzles,
        limit=arguments.first,
        steps=arguments.steps,
        tolerances=arguments.tolerance or TOLERANCES,
        svg=arguments.plot,
    )


def _subject(arguments: argparse.Namespace) -> "Subject":
    from engine.weights_location import default_weights_folder

    if not arguments.in_process:
        return _engine_spec(arguments)
    if arguments.engine is not None or arguments.option:
        raise EvaluationError("expected --in-process without --engine and --option, got both")
    folder: Path = arguments.weights or default_weights_folder()
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
    return engine_spec(engine, options=arguments.option, limit=arguments.limit, margin_ms=1000)
