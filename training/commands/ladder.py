"""Rates an engine against Stockfish's Skill Levels: one Elo, its interval, and all it depends on.

A few games find the two or three levels around the engine, then many games against each of these
are fitted by one rating, with the Elo of the levels held fixed. Stockfish gets the same nodes for
each move, so the figure does not depend on the computer's speed.
"""

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.command_line import print_written
from engine.command_options import add_example, add_json, positive_whole, whole_number
from training.commands.engine_arguments import (
    LIMIT_FORMS,
    OWN_ENGINE,
    add_max_plies,
    add_openings,
    add_recording,
    add_timing,
    check_resume,
    engine_spec,
    engines_ended,
    interruption,
    match_crew,
    opening_choice,
)
from training.evaluation.failures import EvaluationError
from training.runs.durable_files import sole_writer

if TYPE_CHECKING:
    from training.evaluation.engines.engine_spec import EngineSpec
    from training.evaluation.match.ladder_climb import LadderPlan
    from training.evaluation.match.ladder_session import LadderMatch


def add_ladder(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `recursezero ladder`."""
    add = parser.add_argument
    engine_help = "`recursezero`, a folder of weights, or the command of any engine (default: recursezero)"
    add("--engine", default=OWN_ENGINE, metavar="ENGINE", help=engine_help)
    add("--option", action="append", default=[], metavar="NAME=VALUE", help="UCI option of the engine; repeatable")
    add("--limit", metavar="LIMIT", help=f"limit of a move: {LIMIT_FORMS} (default: nodes=1)")
    add("--name", metavar="NAME", help="name of the engine in reports (default: what it calls itself)")
    add("--xboard", action="store_true", help="the engine speaks xboard's protocol (default: UCI)")
    add("--levels", default="0,1,2,3,4,5", metavar="LIST", help="skill levels to choose from (default: 0,1,2,3,4,5)")
    add("--all-levels", action="store_true", help="play all of them (default: the two or three around the engine)")
    add("--games", type=positive_whole, default=200, metavar="N", help="games against each level (default: 200)")
    add("--probe-games", type=positive_whole, default=20, metavar="N", help="games to find the levels (default: 20)")
    add("--stockfish", metavar="CMD", help="command of Stockfish (default: stockfish on PATH)")
    stockfish_help = "UCI option of Stockfish; repeatable"
    add("--stockfish-option", action="append", default=[], metavar="NAME=VALUE", help=stockfish_help)
    nodes_help = "nodes of Stockfish for a move (default: 20000)"
    add("--nodes", type=positive_whole, default=20_000, metavar="N", help=nodes_help)
    add("--hash", type=whole_number, default=16, metavar="MB", help="hash table of Stockfish (default: 16)")
    add_openings(parser)
    add_max_plies(parser)
    add_timing(parser)
    add_recording(parser, "every finished game, and PGN,", "DIR")
    add_json(parser)
    add_example(parser, "recursezero ladder --engine weights/wide --games 200 --out runs/ladder --json ladder.json")
    parser.set_defaults(work=_ladder)


def _ladder(arguments: argparse.Namespace) -> int:
    with engines_ended(arguments.engine_log):
        return _rate(arguments)


def _rate(arguments: argparse.Namespace) -> int:
    from dataclasses import replace

    from training.evaluation.match.ladder_report import ladder_measurement
    from training.evaluation.match.ladder_session import climb
    from training.evaluation.measures.figures import check_json_path, write_json

    if arguments.json is not None:
        check_json_path(arguments.json)
    check_resume(arguments)
    if arguments.out is not None:
        try:
            arguments.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise EvaluationError(f"expected a folder for --out, got {arguments.out}: {error.strerror}") from error
    ladder, plan = _ladder_match(arguments)
    with sole_writer(arguments.out), match_crew(arguments, ladder.engine, ladder.opponent(min(plan.rungs))) as crew:
        ladder = replace(ladder, crew=crew)
        report = climb(ladder, plan)
    measurement = ladder_measurement(report, ladder, plan, arguments.nodes)
    print("\n".join(measurement.lines), flush=True)
    if arguments.json is not None:
        write_json(arguments.json, "ladder", arguments.command_line, measurement)
    print_written(arguments.out, arguments.json)
    if report.interrupted:
        raise interruption(arguments)
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
        concurrency=arguments.concurrency if arguments.cluster else arguments.concurrency or 1,
        settings={"openings": described, "rules": asdict(rules)},
        save_folder=arguments.out,
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
