"""Reports a ladder's rating with every condition that it depends on."""

import math
import os
import platform
from typing import Any

from training.evaluation.engines.engine_spec import describe_engine
from training.evaluation.match.ladder_climb import TABLE_NAME, TABLE_UNCERTAINTY, LadderPlan
from training.evaluation.match.ladder_session import LadderMatch, LadderReport
from training.evaluation.match.match_score import MatchSummary
from training.evaluation.match.rating_fit import RatingFit
from training.evaluation.measures.figures import Measurement


def ladder_measurement(report: LadderReport, ladder: LadderMatch, plan: LadderPlan, nodes: int) -> Measurement:
    """Returns the ladder's figures as text and for JSON.

    Args:
      report: what was played.
      ladder: what all rungs have in common.
      plan: the rungs.
      nodes: of the opponent for each move.
    """
    levels = sorted(report.rungs)
    opponent = describe_engine(ladder.opponent(levels[0]))
    settings: dict[str, Any] = {
        "opponent": {"name": report.opponent_name, **opponent},
        "levels_offered": sorted(plan.rungs),
        "level_elo": {level: plan.rungs[level] for level in levels},
        "table": TABLE_NAME,
        "table_uncertainty": TABLE_UNCERTAINTY,
        "probe_games": 2 * plan.probe_pairs,
        "games_per_level": 2 * plan.full_pairs,
        "concurrency": ladder.concurrency,
        "host": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors"
        if ladder.crew is None
        else "the nodes of a Ray cluster",
        **ladder.settings,
    }
    settings["opponent"]["options"] = {
        name: value for name, value in opponent["options"].items() if name != "Skill Level"
    }
    engine = {"name": report.name, **describe_engine(ladder.engine)}
    return Measurement(
        engine=engine,
        settings=settings,
        n=sum(summary.games for summary in report.rungs.values()),
        figures=report.figures(),
        lines=[
            _rating_line(report.name, report.fit),
            *(_rung_line(level, plan.rungs[level], report) for level in levels),
            *_condition_lines(engine, settings, nodes),
            *(line for level in levels for line in _warnings(level, report.rungs[level])),
        ],
    )


def _rating_line(name: str, fit: RatingFit) -> str:
    low, high = _bound(fit.low_95), _bound(fit.high_95)
    elo = f"{fit.elo:.0f}" if math.isfinite(fit.elo) else _bound(fit.elo)
    return f"Elo          {elo} (95 %: {low} to {high}; bootstrap of opening pairs, {fit.resamples}) for {name}"


def _rung_line(level: int, elo: float, report: LadderReport) -> str:
    summary = report.rungs[level]
    faults = sum(summary.first_faults.values()), sum(summary.second_faults.values())
    return (
        f"level {level:<6} {elo:.0f} Elo: +{summary.wins} ={summary.draws} -{summary.losses} of {summary.games} games, "
        f"{100 * summary.paired.score:.1f} %, alone {_bound(report.implied_elo[level])} Elo, "
        f"{summary.distinct_games} distinct, faults {faults[0]} own, {faults[1]} opponent's"
    )


def _condition_lines(engine: dict[str, Any], settings: dict[str, Any], nodes: int) -> list[str]:
    opponent, openings, rules = settings["opponent"], settings["openings"], settings["rules"]
    digest = engine.get("weights_sha256") or engine.get("program_sha256") or "unknown"
    version = f", version {engine['version']}" if "version" in engine else ""
    return [
        f"engine       {engine['command']}{version}, sha256 {digest}, {engine['limit']}, options {_options(engine)}",
        f"opponent     {opponent['name']}, sha256 {opponent['program_sha256']}, {nodes} nodes a move, "
        f"options {_options(opponent)}, Skill Level as above",
        f"openings     {openings['book']} ({openings['book_openings']}, sha256 {openings['book_sha256'][:16]}), "
        f"{openings['order']} order, seed {openings['seed']}, each with both colours",
        f"rules        draw at {rules['max_plies']} plies, no adjudication by score",
        f"scale        {settings['table']}; {settings['table_uncertainty']}",
        f"host         {settings['host']}, concurrency {settings['concurrency'] or 'as their processors allow'}",
    ]


def _options(engine: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in engine["options"].items()) or "default"


def _warnings(level: int, summary: MatchSummary) -> list[str]:
    lines = [f"level {level}: {text}" for text in summary.fault_texts]
    repeated = summary.games - summary.distinct_games
    if repeated:
        lines.append(f"warning      level {level}: {repeated} games repeat others: the interval is too narrow")
    return lines


def _bound(elo: float) -> str:
    return f"{elo:.0f}" if math.isfinite(elo) else "unbounded"
