"""Reports a comparison of cores: a table, plots and conclusions, inserted into a document between two marks."""

import math
from collections.abc import Sequence
from pathlib import Path

from training.reporting.sampling_error import MeanEstimate, estimate_mean
from training.runs.durable_files import replace_text
from training.studies.cores.bar_chart import Bar, bar_chart, chart_height
from training.studies.cores.cell_training import Json
from training.studies.cores.comparison_cells import REFERENCE

# Figure → title, format of its mean, and factor to that unit.
FIGURES: dict[str, tuple[str, str, float]] = {
    "regret": ("regret (less is better)", "{:.4f}", 1.0),
    "puzzles": ("puzzles solved, %", "{:.1f}", 100.0),
    "bits": ("policy, bits a move (less is better)", "{:.3f}", 1.0),
    "parameters": ("parameters, thousands", "{:.0f}", 1e-3),
    "training_flops": ("training, MFLOP a position", "{:.0f}", 1e-6),
    "play_flops": ("play, MFLOP an evaluation", "{:.0f}", 1e-6),
    "memory_bytes": ("memory of a training step, MiB", "{:.0f}", 2.0**-20),
    "positions_per_s": ("training, positions a second", "{:.0f}", 1.0),
    "positions": ("positions seen, thousands", "{:.0f}", 1e-3),
    "iterations": ("iterations of an evaluation", "{:.2f}", 1.0),
}
_PLOTTED = [name for name in FIGURES if name != "positions"]
_COLUMNS, _WIDTH = 2, 480
Means = dict[tuple[str, str], dict[str, MeanEstimate]]  # (regime, core) → figure → mean over seeds


def means_over_seeds(results: Sequence[Json]) -> Means:
    """Returns the mean of every figure over the seeds of a core in a regime, in the units of `FIGURES`.

    The reference's runs at equal time count in every regime.
    """
    others = [regime for regime in dict.fromkeys(result["regime"] for result in results) if regime != "time"]
    reference = [result for result in results if result["core"] == REFERENCE]
    shared = [{**result, "regime": regime} for regime in others for result in reference]
    samples: dict[tuple[str, str], dict[str, list[float]]] = {}
    for result in [*results, *shared]:
        figures = samples.setdefault((result["regime"], result["core"]), {name: [] for name in FIGURES})
        for name, (_, _, factor) in FIGURES.items():
            if result.get(name) is not None:
                figures[name].append(factor * result[name])
    return {
        key: {name: estimate_mean(values) for name, values in figures.items() if values}
        for key, figures in samples.items()
    }


def table(means: Means) -> str:
    """Returns a table in Markdown, regime by regime, the least regret first."""
    titles = ["equal", "core", *(title for title, _, _ in FIGURES.values()), "seeds"]
    lines = [f"| {' | '.join(titles)} |", f"|{'---|' * len(titles)}"]
    for regime in _regimes(means):
        for core in _by_regret(means, regime):
            figures = means[regime, core]
            cells = [_written(figures.get(name), form) for name, (_, form, _) in FIGURES.items()]
            lines.append(f"| {' | '.join([regime, core, *cells, str(figures['regret'].n)])} |")
    return "\n".join(lines)


def conclusions(means: Means) -> str:
    """Returns conclusions by regime: the core of least regret, those statistically tied with it, and the flat one."""
    lines = []
    for regime in _regimes(means):
        best, *others = _by_regret(means, regime)
        tied = [core for core in others if not _differs(means[regime, core]["regret"], means[regime, best]["regret"])]
        text = f"* Equal {regime}: {best} has the least regret"
        text += f", not distinguishable from {', '.join(tied)} at two standard errors." if tied else "."
        if best == "flat":
            text += " Flat wins: here recursion does not help."
        elif "flat" in others:
            text += f" Flat is {_compared(means[regime, 'flat']['regret'], means[regime, best]['regret'])}."
        lines.append(text)
    return "\n".join(lines)


def plot_sheet(means: Means) -> str:
    """Returns all plots on one SVG."""
    charts = []
    for name in _PLOTTED:
        bars = [
            Bar(group=core, series=f"equal {regime}", value=each[name].mean, error=each[name].standard_error or 0.0)
            for core in dict.fromkeys(core for _, core in means)
            for regime in _regimes(means)
            if name in (each := means.get((regime, core), {}))
        ]
        if bars:
            charts.append(bar_chart(bars, title=FIGURES[name][0], form=FIGURES[name][1], width=_WIDTH))
    height = max((chart_height(chart) for chart in charts), default=1)
    placed = [
        chart.replace("<svg ", f'<svg x="{_WIDTH * (place % _COLUMNS)}" y="{height * (place // _COLUMNS)}" ', 1)
        for place, chart in enumerate(charts)
    ]
    size = f'width="{_WIDTH * _COLUMNS}" height="{height * -(-len(charts) // _COLUMNS)}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}><rect width="100%" height="100%" fill="#ffffff"/>' + (
        "".join(placed) + "</svg>\n"
    )


def replace_between(document: Path, mark: str, text: str) -> None:
    """Puts text between the marks `<!-- NAME -->` and `<!-- end of NAME -->` of a document.

    Raises:
      ValueError: the document does not have both marks.
    """
    content = document.read_text(encoding="utf-8") if document.is_file() else ""
    begin, end = f"<!-- {mark} -->", f"<!-- end of {mark} -->"
    before, found, rest = content.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"expected the marks {begin} and {end} in {document}, got none")
    replace_text(document, f"{before}{begin}\n{text}\n{end}{after}")


def _regimes(means: Means) -> list[str]:
    return list(dict.fromkeys(regime for regime, _ in means))


def _by_regret(means: Means, regime: str) -> list[str]:
    cores = [core for other, core in means if other == regime]
    return sorted(cores, key=lambda core: means[regime, core]["regret"].mean)


def _written(estimate: MeanEstimate | None, form: str) -> str:
    if estimate is None:
        return "–"
    text = form.format(estimate.mean)
    error = form.format(estimate.standard_error or 0.0)
    return f"{text} ± {error}" if float(error) else text


def _difference(worse: MeanEstimate, better: MeanEstimate) -> tuple[float, float]:
    """Returns the difference of two means and its standard error, infinite (unknown) for single seeds."""
    errors = [worse.standard_error, better.standard_error]
    known = [error for error in errors if error is not None]
    return worse.mean - better.mean, math.hypot(*known) if len(known) == 2 else math.inf


def _differs(worse: MeanEstimate, better: MeanEstimate) -> bool:
    apart, error = _difference(worse, better)
    return apart > 2 * error


def _compared(flat: MeanEstimate, best: MeanEstimate) -> str:
    apart, error = _difference(flat, best)
    margin = f" ± {error:.4f}" if math.isfinite(error) else ", from single seeds"
    return f"{apart:.4f}{margin} behind" + ("" if _differs(flat, best) else ", which may be chance")
