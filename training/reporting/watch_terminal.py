"""Shows runs on the terminal: a column per run, a row per figure with its newest value and its course."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from training.reporting.run_figures import ELO_TITLE, elo_text, progress_text, shown_figures
from training.reporting.run_metrics import RunMetrics
from training.reporting.run_plots import thinned

if TYPE_CHECKING:
    from rich.table import Table

_BARS = "▁▂▃▄▅▆▇█"
_COURSE = 20  # characters


def watch_on_terminal(runs: list[RunMetrics], every_s: float) -> None:
    """Shows the runs until Ctrl-C; once only where the output is not a terminal."""
    from rich.console import Console
    from rich.live import Live

    console = Console()
    if not console.is_terminal:
        print_once(runs)
        return
    with Live(run_table(runs), console=console, auto_refresh=False) as live:
        while True:
            time.sleep(every_s)
            for run in runs:
                run.refresh()
            live.update(run_table(runs), refresh=True)


def print_once(runs: list[RunMetrics]) -> None:
    """Prints the runs once."""
    from rich.console import Console

    # A file or a pipe has no width of its own, and no name may be cut there.
    console = Console()
    Console(width=None if console.is_terminal else 60 + 40 * len(runs)).print(run_table(runs))


def run_table(runs: list[RunMetrics]) -> "Table":
    """Returns the table."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=None, header_style="bold")
    table.add_column("figure", no_wrap=True)
    for run in runs:
        table.add_column(Text(run.name), justify="right", no_wrap=True)
    table.add_row("progress", *(Text(progress_text(run)) for run in runs))
    for figure in shown_figures(runs):
        cells = []
        for run in runs:
            values = [point.value for point in thinned(run.series.get(figure.name, []), _COURSE)]
            cells.append(Text.assemble((course(values), "cyan"), "  ", f"{figure.text(run.latest(figure.name)):>8}"))
        table.add_row(figure.title, *cells)
    if any(run.elo_points() for run in runs):
        table.add_row(ELO_TITLE, *(Text(elo_text(run)) for run in runs))
    if any(run.bad_lines for run in runs):
        table.add_row("lines that could not be read", *(Text(str(run.bad_lines)) for run in runs))
    return table


def course(values: Sequence[float]) -> str:
    """Returns a curve of one line of text, lowest to highest."""
    if not values:
        return ""
    low, high = min(values), max(values)
    span = high - low or 1.0
    return "".join(_BARS[min(int((value - low) / span * len(_BARS)), len(_BARS) - 1)] for value in values)
