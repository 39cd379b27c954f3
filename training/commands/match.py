"""Plays paired games between two engines: Elo with its error, PGN, sequential test.

Every opening is played twice, with colours exchanged. Figures are those of the first engine.
"""

import argparse
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.command_line import print_written
from engine.command_options import add_example, add_json, positive_whole
from training.commands.engine_arguments import (
    LIMIT_FORMS,
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
from training.runs.durable_files import sole_writer

if TYPE_CHECKING:
    from training.evaluation.engines.engine_spec import EngineSpec
    from training.evaluation.match.match_runner import GameRunner
    from training.evaluation.match.match_session import MatchOutcome, MatchPlan


def add_match(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `recursezero match`."""
    add = parser.add_argument
    engine_help = "`recursezero`, a folder of weights, or in quotes the command of any UCI or xboard engine"
    add("first", metavar="FIRST", help=f"the engine that is measured: {engine_help}")
    add("second", metavar="SECOND", help="its opponent, likewise")
    add("--games", type=positive_whole, default=100, metavar="N", help="an even number of games (default: 100)")
    limit_help = f"limit of a move: {LIMIT_FORMS} (default: nodes=1 for RecurseZero, none for others)"
    add("--limit", metavar="LIMIT", help=limit_help)
    for number, which in ((1, "FIRST"), (2, "SECOND")):
        add(f"--limit{number}", metavar="LIMIT", help=f"limit of a move of {which} alone")
        option_help = f"UCI option of {which}; repeatable"
        add(f"--option{number}", action="append", default=[], metavar="NAME=VALUE", help=option_help)
        add(f"--name{number}", metavar="NAME", help=f"name of {which} in reports (default: what it calls itself)")
        add(f"--xboard{number}", action="store_true", help=f"{which} speaks xboard's protocol (default: UCI)")
    add_openings(parser)
    add("--sprt", metavar="E0:E1[:ALPHA:BETA]", help="end as soon as this sequential test of Elo has decided")
    model_help = "Elo of that test: logistic as in reports, or normalized, the same for every book (default: logistic)"
    add("--sprt-model", choices=("logistic", "normalized"), default="logistic", help=model_help)
    add("--resign", metavar="CP:MOVES", help="a side so far behind by its own scores loses (default: off)")
    add("--draw", metavar="CP:MOVES:AFTER", help="scores so level for so long make a draw (default: off)")
    add_max_plies(parser)
    add_timing(parser)
    add_recording(parser, "every finished game", "FILE")
    add("--pgn", type=Path, metavar="FILE", help="write the games to this file, in order")
    add_json(parser)
    add_example(
        parser,
        "recursezero match recursezero stockfish --limit2 nodes=20000",
        "--games 200 --concurrency 2 --out games.jsonl --pgn games.pgn",
    )
    parser.set_defaults(work=_match)


def _match(arguments: argparse.Namespace) -> int:
    with engines_ended(arguments.engine_log):
        return _play(arguments)


def _play(arguments: argparse.Namespace) -> int:
    from dataclasses import replace

    from training.evaluation.match.match_session import hold_match
    from training.evaluation.match.match_store import MatchStore
    from training.evaluation.measures.figures import check_json_path

    if arguments.json is not None:
        check_json_path(arguments.json)
    check_resume(arguments)
    first, second = _spec(arguments, 1), _spec(arguments, 2)
    plan, settings = _plan(arguments, first, second)
    chess960 = any(opening.chess960 for opening in plan.openings)
    first, second = replace(first, chess960=chess960), replace(second, chess960=chess960)
    with sole_writer(arguments.out), _runner(arguments, first, second) as runner:
        store = MatchStore(arguments.out, settings, plan.openings, resume=arguments.resume)
        outcome = hold_match(plan, runner, store)
    _report(arguments, settings, outcome)
    print_written(arguments.out, arguments.pgn, arguments.json)
    if outcome.interrupted:
        raise interruption(arguments, f"after {len(store.games)} of {2 * len(plan.openings)} games")
    return 0


@contextlib.contextmanager
def _runner(arguments: argparse.Namespace, first: "EngineSpec", second: "EngineSpec") -> "Iterator[GameRunner]":
    """Gives the players of the match, here or on a cluster."""
    from training.evaluation.engines.engine_player import EnginePlayer
    from training.evaluation.match.cluster_games import ClusterGames
    from training.evaluation.match.match_runner import LocalGames, PlayerPool

    with (
        match_crew(arguments, first, second) as crew,
        PlayerPool(lambda: EnginePlayer(first)) as first_pool,
        PlayerPool(lambda: EnginePlayer(second)) as second_pool,
    ):
        if crew is not None:  # the pools start nothing until they are asked
            yield ClusterGames(first, second, crew)
        else:
            yield LocalGames(first_pool, second_pool, arguments.concurrency or 1)


def _spec(arguments: argparse.Namespace, number: int) -> "EngineSpec":
    given = vars(arguments)
    return engine_spec(
        given[("first", "second")[number - 1]],
        options=given[f"option{number}"],
        limit=given[f"limit{number}"] or arguments.limit,
        name=given[f"name{number}"],
        xboard=given[f"xboard{number}"],
        margin_ms=arguments.margin_ms,
        stall_s=arguments.stall_s,
    )


def _plan(
    arguments: argparse.Namespace, first: "EngineSpec", second: "EngineSpec"
) -> tuple["MatchPlan", dict[str, Any]]:
    from dataclasses import asdict

    from training.evaluation.engines.engine_spec import describe_engine
    from training.evaluation.match.adjudication import GameRules, parse_draw_rule, parse_resign_rule
    from training.evaluation.match.match_session import MatchPlan
    from training.evaluation.match.opening_choice import choose_openings
    from training.evaluation.match.sprt import parse_sprt

    openings, described = choose_openings(opening_choice(arguments), arguments.games)
    rules = GameRules(
        max_plies=arguments.max_plies,
        resign=None if arguments.resign is None else parse_resign_rule(arguments.resign),
        draw=None if arguments.draw is None else parse_draw_rule(arguments.draw),
    )
    plan = MatchPlan(
        openings=openings,
        rules=rules,
        sprt=None if arguments.sprt is None else parse_sprt(arguments.sprt, arguments.sprt_model),
        limits=(str(first.limit), str(second.limit)),
        pgn_file=arguments.pgn,
    )
    settings = {
        "first": describe_engine(first),
        "second": describe_engine(second),
        "openings": described,
        "rules": asdict(rules),
    }
    return plan, settings


def _report(arguments: argparse.Namespace, settings: dict[str, Any], outcome: "MatchOutcome") -> None:
    from training.evaluation.match.match_score import match_figures, summarize_match
    from training.evaluation.measures.figures import Measurement, match_lines, sprt_lines, write_json

    if not outcome.games:
        return
    summary = summarize_match(outcome.games)
    lines = [*match_lines(summary), *sprt_lines(outcome.score)]
    print(f"{outcome.names[0]} - {outcome.names[1]}", "\n".join(lines), sep="\n", flush=True)
    if arguments.json is None:
        return
    measurement = Measurement(
        engine={"name": outcome.names[0], **settings["first"]},
        settings={
            **settings,
            "second": {"name": outcome.names[1], **settings["second"]},
            "concurrency": arguments.concurrency if arguments.cluster else arguments.concurrency or 1,
            "interrupted": outcome.interrupted,
        },
        n=summary.games,
        figures=match_figures(summary, outcome.score),
        lines=lines,
    )
    write_json(arguments.json, "match", arguments.command_line, measurement)
