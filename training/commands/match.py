"""Plays paired games between two engines: Elo with its error, PGN, sequential test.

    recursezero match FIRST SECOND --games 200 --limit tc=1+0.01 --concurrency 2 --save games.jsonl --pgn games.pgn

FIRST and SECOND are each `recursezero` (this project's engine with its shipped network), a folder of
weights for it, or the command of any UCI or xboard engine, in quotes if it has arguments. Every
opening is played twice, with colours exchanged. Figures are those of FIRST.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.commands.engine_arguments import (
    add_openings,
    add_timing,
    engine_spec,
    opening_choice,
    positive_whole,
    run_with_engines,
)
from training.evaluation.failures import EvaluationError
from training.runs.durable_files import sole_writer

if TYPE_CHECKING:
    from training.evaluation.engines.engine_spec import EngineSpec
    from training.evaluation.match.match_session import MatchOutcome, MatchPlan

_LIMIT = "LIMIT: nodes=N, depth=N, movetime=MS, or a clock tc=[MOVES/][MINUTES:]SECONDS[+INCREMENT]"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program.

    Args:
      argv: the arguments after the program's name; by default the process's own.

    Returns:
      0, 2 after an error has been written to stderr, or 130 after an interruption.
    """
    return run_with_engines(_parser(), argv, _match)


def _match(arguments: argparse.Namespace, command: str) -> int:
    from dataclasses import replace

    from training.evaluation.engines.engine_player import EnginePlayer
    from training.evaluation.match.match_runner import PlayerPool
    from training.evaluation.match.match_session import hold_match
    from training.evaluation.match.match_store import MatchStore
    from training.evaluation.measures.figures import check_json_path

    if arguments.json is not None:
        check_json_path(arguments.json)
    if arguments.resume and arguments.save is None:
        raise EvaluationError("expected --save with --resume: the file of the games to go on with")
    first, second = _spec(arguments, 1), _spec(arguments, 2)
    plan, settings = _plan(arguments, first, second)
    chess960 = any(opening.chess960 for opening in plan.openings)
    first, second = replace(first, chess960=chess960), replace(second, chess960=chess960)
    with (
        sole_writer(arguments.save),
        PlayerPool(lambda: EnginePlayer(first)) as first_pool,
        PlayerPool(lambda: EnginePlayer(second)) as second_pool,
    ):
        store = MatchStore(arguments.save, settings, plan.openings, resume=arguments.resume)
        outcome = hold_match(plan, first_pool, second_pool, store)
    _report(arguments, command, settings, outcome)
    if not outcome.interrupted:
        return 0
    again = "add --resume to go on" if arguments.save else "with --save it could go on"
    print(f"match: interrupted after {len(store.games)} of {2 * len(plan.openings)} games; {again}", file=sys.stderr)
    return 130


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
        concurrency=arguments.concurrency,
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


def _report(arguments: argparse.Namespace, command: str, settings: dict[str, Any], outcome: "MatchOutcome") -> None:
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
            "concurrency": arguments.concurrency,
            "interrupted": outcome.interrupted,
        },
        n=summary.games,
        figures=match_figures(summary, outcome.score),
        lines=lines,
    )
    write_json(arguments.json, "match", command, measurement)


def _parser() -> argparse.ArgumentParser:
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("recursezero match", description=__doc__, epilog=_LIMIT, formatter_class=layout)
    add = parser.add_argument
    add("first", metavar="FIRST", help="the engine that is measured")
    add("second", metavar="SECOND", help="its opponent")
    add("--games", type=positive_whole, default=100, metavar="N", help="an even number of games (default: 100)")
    add("--concurrency", type=positive_whole, default=1, metavar="N", help="games played at once (default: 1)")
    add("--limit", metavar="LIMIT", help="for both engines (default: nodes=1 for RecurseZero, none for others)")
    for number, which in ((1, "FIRST"), (2, "SECOND")):
        add(f"--limit{number}", metavar="LIMIT", help=f"for {which}")
        add(f"--option{number}", action="append", default=[], metavar="NAME=VALUE", help=f"of {which}; repeatable")
        add(f"--name{number}", metavar="NAME", help=f"of {which} in reports (default: what it calls itself)")
        add(f"--xboard{number}", action="store_true", help=f"{which} speaks xboard's protocol (default: UCI)")
    add_openings(parser)
    add("--sprt", metavar="E0:E1[:ALPHA:BETA]", help="stop as soon as this sequential test of Elo has decided")
    model_help = "what its Elo are: logistic (default, as the reports') or normalized, the same for every book"
    add("--sprt-model", choices=("logistic", "normalized"), default="logistic", help=model_help)
    add("--resign", metavar="CP:MOVES", help="a side so far behind by its own scores loses (default: off)")
    add("--draw", metavar="CP:MOVES:AFTER", help="so level for so long is a draw (default: off)")
    add("--max-plies", type=positive_whole, default=400, metavar="N", help="a longer game is drawn (default: 400)")
    add_timing(parser)
    add("--save", type=Path, metavar="FILE", help="keep every finished game in this file, for --resume")
    add("--resume", action="store_true", help="go on with the games of --save")
    add("--pgn", type=Path, metavar="FILE", help="write the games to this file, in order")
    add("--engine-log", type=Path, metavar="FILE", help="write the conversations with the engines to this file")
    add("--json", type=Path, metavar="FILE", help="also write the figures to this file")
    return parser
