"""Plots runs as SVG: one figure of several runs, or a sheet of all figures."""

from collections.abc import Sequence

from engine.view.line_chart import Line, line_chart
from training.reporting.run_figures import ELO_TITLE, Figure, shown_figures
from training.reporting.run_metrics import Point, RunMetrics

_WIDTH, _HEIGHT, _COLUMNS = 480, 260, 2
_MOST_POINTS = 160  # a curve; more cannot be told apart at this width


def figure_plot(runs: Sequence[RunMetrics], figure: Figure, width: int = _WIDTH) -> str:
    """Returns one figure of all runs that have it, `width` pixels wide."""
    lines = []
    for run in runs:
        points = run.series.get(figure.name, [])
        errors = _errors(run, figure, points)
        thin = points if errors else thinned(points)
        lines.append(Line(label=run.name, points=tuple((p.step, p.value) for p in thin), errors=errors))
    return line_chart(
        lines,
        title=figure.title,
        x_label="steps",
        width=width,
        height=_HEIGHT,
        is_log=figure.is_log,
        percent=figure.percent,
    )


def elo_plot(runs: Sequence[RunMetrics], width: int = _WIDTH) -> str:
    """Returns the ratings of all runs, with their 95 % intervals where both bounds are known."""
    lines = []
    for run in runs:
        points = run.elo_points()
        bounded = all(point.low_95 is not None and point.high_95 is not None for point in points)
        errors = tuple(((p.high_95 or 0) - (p.low_95 or 0)) / 2 for p in points) if bounded else ()
        lines.append(Line(label=run.name, points=tuple((p.step, p.elo) for p in points), errors=errors))
    return line_chart(lines, title=ELO_TITLE, x_label="steps", width=width, height=_HEIGHT)


def plots(runs: list[RunMetrics], width: int = _WIDTH) -> dict[str, str]:
    """Returns every plot that has data, by the name of its figure."""
    made = {figure.name: figure_plot(runs, figure, width) for figure in shown_figures(runs)}
    if any(run.elo_points() for run in runs):
        made["elo"] = elo_plot(runs, width)
    return made


def plot_sheet(runs: list[RunMetrics], figures: Sequence[str] = ()) -> str:
    """Returns plots on one SVG.

    Args:
      runs: to plot.
      figures: names of those to show, in this order; all of them if empty.

    Raises:
      ValueError: the runs have no figure of such a name.
    """
    made = plots(runs)
    for name in figures:
        if name not in made:
            raise ValueError(f"expected figures that the runs have, of {', '.join(made)}, got {name}")
    return sheet([made[name] for name in figures or made])


def sheet(made: Sequence[str]) -> str:
    """Returns charts, each an SVG of 480 by 260 pixels, side by side and below each other on one SVG."""
    height = _HEIGHT * max(1, -(-len(made) // _COLUMNS))
    width = _WIDTH * _COLUMNS
    parts = [
        plot.replace("<svg ", f'<svg x="{_WIDTH * (place % _COLUMNS)}" y="{_HEIGHT * (place // _COLUMNS)}" ', 1)
        for place, plot in enumerate(made)
    ]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
    return f'{head}<rect width="{width}" height="{height}" fill="#ffffff"/>{"".join(parts)}</svg>'


def thinned(points: Sequence[Point], most: int = _MOST_POINTS) -> list[Point]:
    """Returns at most so many points: means of runs of neighbours, each at its last step."""
    size = -(-len(points) // most)
    if size <= 1:
        return list(points)
    groups = [points[first : first + size] for first in range(0, len(points), size)]
    return [Point(group[-1].step, sum(point.value for point in group) / len(group)) for group in groups]


def _errors(run: RunMetrics, figure: Figure, points: Sequence[Point]) -> tuple[float, ...]:
    """Returns the standard error of each point, or nothing unless every one has one."""
    if figure.error is None:
        return ()
    errors = dict(run.series.get(figure.error, []))
    return tuple(errors[point.step] for point in points) if all(point.step in errors for point in points) else ()
