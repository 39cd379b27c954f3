"""Figures as lines for people; every ± is one standard error unless the line says 95 %."""

import math

from training.evaluation.elo import PairedScore
from training.evaluation.match_summary import MatchSummary
from training.evaluation.puzzles import BAND_WIDTH, PuzzleReport
from training.evaluation.regret import BLUNDER_REGRET, RegretReport
from training.evaluation.sampling_error import MeanEstimate


def regret_lines(report: RegretReport) -> list[str]:
    """Returns the lines of a regret report."""
    error = report.regret.standard_error
    return [
        f"mean regret          {report.regret.mean:.4f} ± {_number(error, 4)}",
        f"moves losing > {BLUNDER_REGRET:g}   {_percent(report.blunders)}",
        f"top-1                {_percent(report.top1)}",
        f"positions            {report.regret.n}",
    ]


def puzzle_lines(report: PuzzleReport) -> list[str]:
    """Returns the lines of a puzzle report."""
    lines = [f"solved       {_percent(report.solved)} of {report.solved.n}"]
    for band, share in report.solved_by_band.items():
        name = f"{band}-{band + BAND_WIDTH - 1}"
        lines.append(f"{name:<12} {_percent(share)} of {share.n}")
    return lines


def match_lines(summary: MatchSummary) -> list[str]:
    """Returns the lines of a match, from the first player's side."""
    paired = summary.paired
    score_error = paired.score_standard_error
    percent_error = None if score_error is None else 100 * score_error
    return [
        f"results      +{summary.wins} ={summary.draws} -{summary.losses} of {summary.games} games",
        f"score        {100 * paired.score:.1f} % ± {_number(percent_error, 1)}",
        f"Elo          {_elo(paired)}",
        f"pairs 0..2   {' '.join(str(count) for count in paired.pentanomial)}",
        f"distinct     {summary.distinct_games} games, mean length {summary.mean_plies:.0f} plies",
        f"own faults   {_counts(summary.first_faults)}",
        f"opponent's   {_counts(summary.second_faults)}",
        f"endings      {_counts(summary.terminations)}",
        *summary.fault_texts,
    ]


def _elo(paired: PairedScore) -> str:
    low, high = _signed(paired.elo_low_95), _signed(paired.elo_high_95)
    return f"{_signed(paired.elo)} (95 %: {low} to {high})"


def _signed(elo: float) -> str:
    if math.isinf(elo):
        return "unbounded"
    return f"{elo:+.0f}"


def _percent(share: MeanEstimate) -> str:
    error = None if share.standard_error is None else 100 * share.standard_error
    return f"{100 * share.mean:.1f} % ± {_number(error, 1)}"


def _number(value: float | None, digits: int) -> str:
    return "?" if value is None else f"{value:.{digits}f}"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())
