"""Serves runs on a local page: the same figures as on the terminal, and their plots."""

import threading
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path

from engine.view.local_server import Reply, RequestError, Site, files_below, json_reply
from training.reporting.run_figures import ELO_TITLE, elo_text, progress_text, shown_figures
from training.reporting.run_metrics import RunMetrics
from training.reporting.run_plots import plots

_WIDTHS = (240, 480, 2000)  # of a plot in pixels: least, usual, most


class WatchPage:
    """Answers the page's requests; safe with several threads.

    Args:
      runs: to be shown side by side.
    """

    def __init__(self, runs: list[RunMetrics]) -> None:
        self._runs = runs
        self._lock = threading.Lock()

    def site(self) -> Site:
        """Returns the routes of the page's server."""
        files = files_below(Path(__file__).with_name("static"))
        return Site(files=files, pages={"/api/runs": self.figures, "/plot.svg": self.plot}, calls={})

    def figures(self, _query: Mapping[str, str]) -> Reply:
        """GET /api/runs: names, progress and newest figures of the runs."""
        with self._lock:
            for run in self._runs:
                run.refresh()
            figures = shown_figures(self._runs)
            rows = [
                {
                    "name": figure.name,
                    "title": figure.title,
                    "values": [figure.text(run.latest(figure.name)) for run in self._runs],
                }
                for figure in figures
            ]
            if any(run.elo_points() for run in self._runs):
                rows.append({"name": "elo", "title": ELO_TITLE, "values": [elo_text(run) for run in self._runs]})
            runs = [{"name": run.name, "progress": progress_text(run), "step": run.step} for run in self._runs]
            return json_reply({"runs": runs, "figures": rows})

    def plot(self, query: Mapping[str, str]) -> Reply:
        """GET /plot.svg?figure=NAME&width=PIXELS: one plot; what is written in it is as large at every width."""
        width = query.get("width", str(_WIDTHS[1]))
        if not (width.isascii() and width.isdigit() and len(width) < 5 and _WIDTHS[0] <= int(width) <= _WIDTHS[2]):
            allowed = f"from {_WIDTHS[0]} to {_WIDTHS[2]}"
            raise RequestError(HTTPStatus.BAD_REQUEST, f"expected width {allowed}, got {width[:100]!r}")
        with self._lock:
            made = plots(self._runs, int(width))
        name = query.get("figure", "")
        if name not in made:
            raise RequestError(HTTPStatus.NOT_FOUND, f"expected figure as one of {', '.join(made)}, got {name[:100]!r}")
        return Reply("image/svg+xml", made[name].encode())
