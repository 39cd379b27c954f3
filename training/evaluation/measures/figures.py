"""Presents a finished measurement: as lines of text for people, and as a JSON file.

Every ± in the text is one standard error unless the line says 95 %.
"""

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from training.evaluation.failures import EvaluationError
from training.evaluation.match.elo import PairedScore
from training.evaluation.match.match_score import MatchScore, MatchSummary, elo_with_error, ratio_text
from training.evaluation.measures.conversion import ConversionReport
from training.evaluation.measures.puzzles import BAND_WIDTH, PuzzleReport
from training.labels.move_regret import BLUNDER_REGRET, RegretReport
from training.reporting.sampling_error import MeanEstimate


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """Holds a finished measurement.

    Attributes:
      engine: the engine measured: name, command, options, limit per move; or the weights folder.
      settings: inputs and settings of the measurement.
      n: number of positions, puzzles or games.
      figures: nested figures with their errors.
      lines: the figures as text.
    """

    engine: dict[str, Any]
    settings: dict[str, Any]
    n: int
    figures: dict[str, Any]
    lines: list[str]


def check_json_path(path: Path) -> None:
    """Refuses a path that cannot be written before hours are spent on the measurement.

    Raises:
      EvaluationError: its folder does not exist, or it is itself a folder.
    """
    if not path.parent.is_dir() or path.is_dir():
        raise EvaluationError(f"expected a file in an existing folder for --json, got {path}")


def write_json(path: Path, measure: str, command: str, measurement: Measurement) -> None:
    """Writes a measurement as JSON; an unbounded Elo becomes null.

    Args:
      path: overwritten.
      measure: name of the measurement.
      command: the command line that produced it.
      measurement: its figures.

    Raises:
      EvaluationError: the file cannot be written.
    """
    content = {
        "measure": measure,
        "command": command,
        "finished_utc": datetime.now(UTC).isoformat(timespec="seconds"),
        "engine": measurement.engine,
        "settings": measurement.settings,
        "n": measurement.n,
        "figures": _finite(measurement.figures),
    }
    try:
        path.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise EvaluationError(f"expected a writable file for --json, got {path}: {error.strerror}") from error


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


def conversion_lines(report: ConversionReport) -> list[str]:
    """Returns the lines of a report about won endings."""
    lines = [f"won          {_percent(report.won)} of {report.won.n} games"]
    lines += [f"{kind:<12} {_percent(share)} of {share.n}" for kind, share in report.won_by_kind.items()]
    if report.moves is not None:
        lines.append(f"moves to win {report.moves.mean:.1f} ± {_number(report.moves.standard_error, 1)}")
    return [*lines, f"endings      {_counts(report.terminations)}"]


def match_lines(summary: MatchSummary) -> list[str]:
    """Returns the lines of a match, from the first player's side."""
    paired = summary.paired
    score_error = paired.score_standard_error
    percent_error = None if score_error is None else 100 * score_error
    repeated = summary.games - summary.distinct_games
    lines = [
        f"results      +{summary.wins} ={summary.draws} -{summary.losses} of {summary.games} games",
        f"score        {100 * paired.score:.1f} % ± {_number(percent_error, 1)}",
        f"Elo          {_elo(paired)}",
        f"nElo         {_normalized_elo(paired)}",
        f"LOS          {100 * paired.superiority:.1f} %",
        f"pairs 0..2   {' '.join(str(count) for count in paired.pentanomial)}, {100 * paired.draw_ratio:.1f} % level",
        f"distinct     {summary.distinct_games} games, mean length {summary.mean_plies:.0f} plies",
        f"own faults   {_counts(summary.first_faults)}",
        f"opponent's   {_counts(summary.second_faults)}",
        f"endings      {_counts(summary.terminations)}",
        *summary.fault_texts,
    ]
    if repeated:
        lines.append(f"warning      {repeated} games repeat others move by move: the errors above are too small")
    return lines


def sprt_lines(score: MatchScore) -> list[str]:
    """Returns the line of a match's sequential test, none if it has none."""
    if score.sprt is None:
        return []
    return [f"test         {ratio_text(score.ratio, score.sprt)}, {score.verdict or 'not decided'}"]


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(element) for key, element in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(element) for element in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _elo(paired: PairedScore) -> str:
    low, high = _signed(paired.elo_low_95), _signed(paired.elo_high_95)
    error = elo_with_error(paired.elo, paired.elo_low_95, paired.elo_high_95)
    return f"{error} (95 %: {low} to {high})"


def _normalized_elo(paired: PairedScore) -> str:
    if paired.normalized_elo is None:
        return "unknown, all pairs are alike"
    return f"{paired.normalized_elo:+.0f} ± {_number(paired.normalized_elo_margin_95, 0)} (95 %)"


def _signed(elo: float) -> str:
    if math.isinf(elo):
        return "unbounded"
    return f"{round(elo):+d}"  # an integer has no negative zero


def _percent(share: MeanEstimate) -> str:
    error = None if share.standard_error is None else 100 * share.standard_error
    return f"{100 * share.mean:.1f} % ± {_number(error, 1)}"


def _number(value: float | None, digits: int) -> str:
    return "?" if value is None else f"{value:.{digits}f}"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())
