"""Shows training runs live, in the terminal or on a web page, or plots them.

It reads the figures that runs write into their folders and disturbs nothing. Ctrl-C ends it.
"""

import argparse
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from engine.command_line import print_written
from engine.command_options import add_example, add_page, positive_number

if TYPE_CHECKING:
    from training.reporting.run_metrics import RunMetrics


def add_watch(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `recursezero watch`."""
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folder of a run, or of several")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--once", action="store_true", help="print the figures once")
    how.add_argument("--page", action="store_true", help="show the figures on a local web page")
    how.add_argument("--plot", type=Path, metavar="FILE", help="write plots to this SVG file")
    figure_help = "with --plot: plot this figure of metrics.jsonl; repeatable (default: all)"
    parser.add_argument("--figure", action="append", default=[], metavar="NAME", help=figure_help)
    every_help = "seconds between updates (default: 3)"
    parser.add_argument("--every", type=positive_number, default=3.0, metavar="S", help=every_help)
    add_page(parser)
    add_example(parser, "recursezero watch runs/mine --page")
    parser.set_defaults(work=_watch)


def _watch(arguments: argparse.Namespace) -> int:
    from training.reporting.run_metrics import open_runs

    if arguments.figure and arguments.plot is None:
        raise ValueError("expected --plot FILE with --figure, got --figure alone")
    runs = open_runs(arguments.runs)
    if arguments.plot is not None:
        from training.reporting.run_plots import plot_sheet

        if arguments.plot.suffix != ".svg":
            raise ValueError(f"expected a file that ends in .svg for --plot, got {arguments.plot}")
        arguments.plot.write_text(plot_sheet(runs, arguments.figure) + "\n", encoding="utf-8")
        print_written(arguments.plot)
        return 0
    with contextlib.suppress(KeyboardInterrupt):  # the only way to end it
        _show(runs, arguments)
    return 0


def _show(runs: list["RunMetrics"], arguments: argparse.Namespace) -> None:
    from training.reporting.watch_terminal import print_once, watch_on_terminal

    if arguments.page:
        _serve(runs, arguments)
    elif arguments.once:
        print_once(runs)
    else:
        watch_on_terminal(runs, arguments.every)


def _serve(runs: list["RunMetrics"], arguments: argparse.Namespace) -> None:
    from engine.view.local_server import LocalServer
    from training.reporting.watch_page import WatchPage

    server = LocalServer(WatchPage(runs).site(), arguments.port)
    server.show(opens_browser=not arguments.no_browser)
