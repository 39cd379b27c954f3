"""Rates an engine against Stockfish's Skill Levels: one Elo, its interval, and all it depends on.

    recursezero ladder --engine weights/wide --games 200 --save ladder --json ladder.json

A few games find the two or three levels around the engine, then many games against each of these
are fitted by one rating, with the Elo of the levels held fixed. Stockfish gets the same nodes for
each move, so the figure does not depend on the computer's speed.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from training.commands.engine_arguments import (
    OWN_ENGINE,
    add_openings,
    add_timing,
    engine_spec,
    opening_choice,
    positive_whole,
    run_with_engines,
    whole_number,
)
from training.evaluation.failures import EvaluationError
from training.runs.durable_files import sole_writer

if TYPE_CHECKING:
    from training.evaluation.engines.engine_spec import EngineSpec
    from training.evaluation.match.ladder_climb import LadderPlan
    from training.evaluation.match.ladder_session import LadderMatch


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program.

    Args:
      argv: the arguments after the program's name; by default the process's own.

    Returns:
      0, 2 after an error has been written to stderr, or 130 after an interruption.
    """
    return run_with_engines(_parser(), argv, _ladder)


def _ladder(arguments: argparse.Namespace, command: str) -> int:
    from training.evaluation.match.ladder_report import ladder_measurement
    from training.evaluation.match.ladder_session import climb
    from training.evaluation.measures.figures import check_json_path, write_json

    if arguments.json is not None:
        check_json_path(arguments.json)
    if arguments.resume and arguments.save is None:
        raise EvaluationError("expected --save with --resume: the folder of the games to go on with")
    if arguments.save is not None:
        try:
            arguments.save.mkdir(exist_ok=True)
        except OSError as error:
            raise EvaluationError(f"expected a folder for --save, got {arguments.save}: {error.strerror}") from error
    ladder, plan = _ladder_match(arguments)
    with sole_writer(arguments.save):
        report = climb(ladder, plan)
    measurement = ladder_measurement(report, ladder, plan, arguments.nodes)
    print("\n".join(measurement.lines), flush=True)
    if arguments.json is not None:
        write_json(arguments.json, "ladder", command, measurement)
    if report.interrupted:
        again = "add --resume to go on" if arguments.save else "with --save it could go on"
        print(f"ladder: interrupted; {again}", file=sys.stderr)
        return 130
    return 0


def _ladder_match(arguments: argparse.Namespace) -> tuple["LadderMatch", "LadderPlan"]:
    from dataclasses import asdict

    from training.evaluation.match.adjudication import GameRules
    from training.evaluation.match.ladder_climb import LadderPlan, skill_elo
    from training.evaluation.match.ladder_session import LadderMatch
    from training.evaluation.match.opening_choice import choose_openings

    choice = opening_choice(arguments)
    openings, described = choose_openings(choice, arguments.games)
    choose_openings(choice, arguments.probe_games)  # refuses an odd number
    rules = GameRules(max_plies=arguments.max_plies)
    plan = LadderPlan(
        rungs={level: float(skill_elo(level)) for level in _levels(arguments.levels)},
        probe_pairs=arguments.probe_games // 2,
        full_pairs=arguments.games // 2,
        all_rungs=arguments.all_levels,
    )
    ladder = LadderMatch(
        engine=_engine(arguments),
        opponent=_opponents(arguments),
        openings=openings,
        rules=rules,
        concurrency=arguments.concurrency,
        settings={"openings": described, "rules": asdict(rules)},
        save_folder=arguments.save,
        resume=arguments.resume,
    )
    return ladder, plan


def _engine(arguments: argparse.Namespace) -> "EngineSpec":
    return engine_spec(
        arguments.engine,
        options=arguments.option,
        limit=arguments.limit,
        name=arguments.name,
        xboard=arguments.xboard,
        margin_ms=arguments.margin_ms,
        stall_s=arguments.stall_s,
    )


def _opponents(arguments: argparse.Namespace) -> Callable[[int], "EngineSpec"]:
    from training.evaluation.engines.engine_spec import EngineSpec, parse_options, split_command, stockfish_command
    from training.evaluation.engines.time_control import MoveLimit

    command = stockfish_command() if arguments.stockfish is None else split_command(arguments.stockfish)
    fixed = {"Threads": "1", "Hash": str(arguments.hash), **parse_options(arguments.stockfish_option)}
    if any(name.lower() == "skill level" for name in fixed):
        raise EvaluationError("expected the Skill Levels of Stockfish as --levels, got one as --stockfish-option")
    limit = MoveLimit(nodes=arguments.nodes)

    def of_level(level: int) -> EngineSpec:
        return EngineSpec(
            command=command,
            options={**fixed, "Skill Level": str(level)},
            limit=limit,
            margin_ms=arguments.margin_ms,
            stall_s=arguments.stall_s,
        )

    return of_level


def _levels(text: str) -> list[int]:

    words = [word.strip() for word in text.split(",")]
    if not all(word.isdecimal() for word in words) or len(set(words)) != len(words):
        raise EvaluationError(f"expected different levels as 0,1,2,3, got {text!r}")
    return sorted(int(word) for word in words)


def _parser() -> argparse.ArgumentParser:
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("recursezero ladder", description=__doc__, formatter_class=layout)
    add = parser.add_argument
    engine_help = "a folder of weights, or the command of any engine (default: this project's, shipped network)"
    add("--engine", default=OWN_ENGINE, metavar="ENGINE", help=engine_help)
    add(
        "--option", action="append", default=[], metavar="NAME=VALUE", help="of the engine, as UCI_Elo=1500; repeatable"
    )
    add("--limit", metavar="LIMIT", help="of the engine: nodes=, depth=, movetime= or tc= (default: nodes=1)")
    add("--name", metavar="NAME", help="of the engine in reports (default: what it calls itself)")
    add("--xboard", action="store_true", help="the engine speaks xboard's protocol (default: UCI)")
    add("--levels", default="0,1,2,3,4,5", metavar="LIST", help="Skill Levels to choose from (default: 0,1,2,3,4,5)")
    add("--all-levels", action="store_true", help="play all of them (default: the two or three around the engine)")
    add("--games", type=positive_whole, default=200, metavar="N", help="against each chosen level (default: 200)")
    add("--probe-games", type=positive_whole, default=20, metavar="N", help="to find the levels (default: 20)")
    add("--nodes", type=positive_whole, default=20_000, metavar="N", help="of Stockfish for each move (default: 20000)")
    add("--hash", type=whole_number, default=16, metavar="MB", help="of Stockfish (default: 16)")
    add("--stockfish", metavar="CMD", help="its command (default: stockfish on PATH)")
    add("--stockfish-option", action="append", default=[], metavar="NAME=VALUE", help="of Stockfish; repeatable")
    add_openings(parser)
    add("--max-plies", type=positive_whole, default=400, metavar="N", help="a longer game is drawn (default: 400)")
    add("--concurrency", type=positive_whole, default=1, metavar="N", help="games played at once (default: 1)")
    add_timing(parser)
    add("--save", type=Path, metavar="DIR", help="keep every finished game, and PGN, in this folder, for --resume")
    add("--resume", action="store_true", help="go on with the games of --save")
    add("--engine-log", type=Path, metavar="FILE", help="write the conversations with the engines to this file")
    add("--json", type=Path, metavar="FILE", help="also write the figures to this file")
    return parser
