"""Shows training runs live, on the terminal or on a page, or plots them: `recursezero watch RUN [RUN...]`.

It reads the figures that runs write into their folders and disturbs nothing. Ctrl-C ends it.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.command_line import exit_status, port_number

if TYPE_CHECKING:
    from training.reporting.run_metrics import RunMetrics


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Returns:
      0, or 2 after one line on stderr that says what was wrong.
    """
    arguments = _parser().parse_args(argv)
    return exit_status("error", lambda: _watch(arguments), (ValueError, OSError), ends_by_interruption=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="recursezero watch", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folder of a run, or of several")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--once", action="store_true", help="print the figures once")
    how.add_argument("--page", action="store_true", help="show them on a page of this machine")
    how.add_argument("--plot", type=Path, metavar="FILE", help="write all plots into an SVG file")
    parser.add_argument("--every", type=float, default=3.0, metavar="S", help="seconds between looks (3)")
    parser.add_argument("--port", type=port_number, default=0, help="port of the page (default: a free one)")
    parser.add_argument("--no-browser", action="store_true", help="print the page's address instead of opening it")
    return parser


def _watch(arguments: argparse.Namespace) -> int:
    from training.reporting.run_metrics import open_runs

    if arguments.every <= 0:
        raise ValueError(f"expected --every above 0, got {arguments.every}")
    runs = open_runs(arguments.runs)
    if arguments.page:
        _serve(runs, arguments)
    elif arguments.plot is not None:
        from training.reporting.run_plots import plot_sheet

        if arguments.plot.suffix != ".svg":
            raise ValueError(f"expected a file that ends in .svg for --plot, got {arguments.plot}")
        arguments.plot.write_text(plot_sheet(runs) + "\n", encoding="utf-8")
    else:
        from training.reporting.watch_terminal import print_once, watch_on_terminal

        if arguments.once:
            print_once(runs)
        else:
            watch_on_terminal(runs, arguments.every)
    return 0


def _serve(runs: list["RunMetrics"], arguments: argparse.Namespace) -> None:
    from engine.view.local_server import LocalServer
    from training.reporting.watch_page import WatchPage

    server = LocalServer(WatchPage(runs).site(), arguments.port)
    server.show(opens_browser=not arguments.no_browser)
