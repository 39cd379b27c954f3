"""Reports what the iterations of a network are used for: figures, lines of text, and a sheet of plots."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.view.line_chart import Line, line_chart
from training.evaluation.measures.puzzles import BAND_WIDTH
from training.reporting.run_plots import sheet
from training.reporting.sampling_error import MeanEstimate, estimate_mean
from training.studies.iterations.iteration_study import (
    Course,
    DifficultyGroup,
    ExitRule,
    difficulty_groups,
    exit_rule,
    last_iteration,
    loosest_harmless,
    rank_correlation,
)

_WIDTH, _HEIGHT = 480, 260


@dataclass(frozen=True, kw_only=True)
class BandIterations:
    """Describes the puzzles in one band of ratings.

    Attributes:
      lowest_rating: of the band.
      iterations: made on average.
      missed: share in which the first move is wrong.
    """

    lowest_rating: int
    iterations: MeanEstimate
    missed: MeanEstimate


@dataclass(frozen=True, kw_only=True)
class IterationReport:
    """Holds iterations against difficulty, and exit rules.

    Attributes:
      tolerance: the exit rule by which positions are grouped.
      groups: positions by iterations made.
      rules: the effect of each tolerance.
      advised: the rule of fewest iterations that costs nothing measurable.
      with_regret: rank correlation of the iterations made with the regret, None where one is constant.
      with_entropy: ... with the policy's entropy.
      with_rating: ... with the rating of puzzles; None without puzzles.
      bands: puzzles by rating; empty without.
    """

    tolerance: float
    groups: tuple[DifficultyGroup, ...]
    rules: tuple[ExitRule, ...]
    advised: ExitRule | None
    with_regret: float | None
    with_entropy: float | None
    with_rating: float | None = None
    bands: tuple[BandIterations, ...] = ()


def report_iterations(
    course: Course,
    tolerance: float,
    tolerances: Sequence[float],
    puzzle_course: Course | None = None,
    ratings: Sequence[int] = (),
) -> IterationReport:
    """Summarises the courses.

    Args:
      course: of positions whose loss is the regret.
      tolerance: groups positions by the iterations it allows.
      tolerances: to compare.
      puzzle_course: of puzzles, whose loss is 1 where the first move is wrong.
      ratings: of the puzzles.
    """
    last = last_iteration(course, tolerance)
    columns = np.arange(len(last))
    rules = tuple(exit_rule(course, value) for value in sorted(tolerances))
    with_rating: float | None = None
    bands: tuple[BandIterations, ...] = ()
    if puzzle_course is not None:
        with_rating = rank_correlation(last_iteration(puzzle_course, tolerance), np.array(ratings))
        bands = _bands(puzzle_course, tolerance, np.array(ratings))
    return IterationReport(
        tolerance=tolerance,
        groups=tuple(difficulty_groups(course, tolerance)),
        rules=rules,
        advised=loosest_harmless(rules),
        with_regret=rank_correlation(last, course.loss[last, columns]),
        with_entropy=rank_correlation(last, course.entropy[last, columns]),
        with_rating=with_rating,
        bands=bands,
    )


def iteration_lines(report: IterationReport) -> list[str]:
    """Returns the report as text; every ± is one standard error."""
    lines = [f"at tolerance {report.tolerance:g}:", "iterations  positions  regret           entropy"]
    for group in report.groups:
        regret, entropy = _shown(group.loss, 4), _shown(group.entropy, 2)
        lines.append(f"{group.iterations:<11} {group.loss.n:<10} {regret:<16} {entropy}")
    pairs = (("regret", report.with_regret), ("entropy", report.with_entropy), ("puzzle rating", report.with_rating))
    known = [f"{name} {value:+.2f}" for name, value in pairs if value is not None]
    lines.append(f"rank correlation of iterations with: {', '.join(known) or 'nothing, they are constant'}")
    if report.bands:
        lines.append("puzzles     number     iterations       first move missed")
    for band in report.bands:
        name = f"{band.lowest_rating}-{band.lowest_rating + BAND_WIDTH - 1}"
        lines.append(f"{name:<11} {band.iterations.n:<10} {_shown(band.iterations, 2):<16} {_shown(band.missed, 3)}")
    lines.append("tolerance   iterations       regret           more than with all iterations")
    for rule in report.rules:
        parts = (_shown(rule.iterations, 2), _shown(rule.loss, 4), _shown(rule.added_loss, 4))
        lines.append(f"{rule.tolerance:<11g} {parts[0]:<16} {parts[1]:<16} {parts[2]}")
    advised = "none" if report.advised is None else f"{report.advised.tolerance:g}"
    return [*lines, f"fewest iterations at no measurable cost (added regret within one standard error): {advised}"]


def iteration_plots(report: IterationReport, course: Course) -> str:
    """Returns the report as a sheet of plots in SVG."""
    groups = [group for group in report.groups if group.loss.n > 1]
    plots = [
        _chart("regret by iterations made", "iterations", [(g.iterations, g.loss) for g in groups], "regret"),
        _chart("entropy of the policy, nats", "iterations", [(g.iterations, g.entropy) for g in groups], "entropy"),
    ]
    if report.bands:
        points = [(band.lowest_rating + BAND_WIDTH / 2, band.iterations) for band in report.bands if band.missed.n > 1]
        plots.append(_chart("iterations by puzzle rating", "rating", points, "iterations"))
    by_cost = [(rule.iterations.mean, rule.added_loss) for rule in reversed(report.rules)]
    plots.append(_chart("regret added by exit rules", "average iterations", by_cost, "added"))
    shares = ((10, "easiest tenth"), (50, "median"), (90, "hardest tenth"))
    lines = [_quantile_line(label, np.percentile(course.residual, percent, axis=1)) for percent, label in shares]
    plots.append(line_chart(lines, title="residual", x_label="iteration", width=_WIDTH, height=_HEIGHT, is_log=True))
    return sheet(plots)


def _bands(course: Course, tolerance: float, ratings: np.ndarray) -> tuple[BandIterations, ...]:
    last = last_iteration(course, tolerance)
    missed = course.loss[last, np.arange(len(last))]
    lowest = ratings // BAND_WIDTH * BAND_WIDTH
    return tuple(
        BandIterations(
            lowest_rating=int(rating),
            iterations=estimate_mean([float(row + 1) for row in last[lowest == rating]]),
            missed=estimate_mean(list(map(float, missed[lowest == rating]))),
        )
        for rating in np.unique(lowest)
    )


def _chart(title: str, x_label: str, points: Sequence[tuple[float, MeanEstimate]], label: str) -> str:
    line = Line(
        label=label,
        points=tuple((float(x), estimate.mean) for x, estimate in points),
        errors=tuple(estimate.standard_error or 0.0 for _, estimate in points),
    )
    return line_chart([line], title=f"{title}, ± one standard error", x_label=x_label, width=_WIDTH, height=_HEIGHT)


def _quantile_line(label: str, values: np.ndarray) -> Line:
    return Line(label=label, points=tuple((float(row + 1), float(value)) for row, value in enumerate(values)))


def _shown(estimate: MeanEstimate, digits: int) -> str:
    error = "?" if estimate.standard_error is None else f"{estimate.standard_error:.{digits}f}"
    return f"{estimate.mean:.{digits}f} ± {error}"
