"""Shows the network thinking on a page of this machine: `recursezero view`.

The page is served on 127.0.0.1 only and works without a network connection. Ctrl-C ends it.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlencode

from engine.command_line import exit_status, port_number


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Returns:
      0, or 2 after one line on stderr that says what was wrong.
    """
    arguments = _parser().parse_args(argv)
    return exit_status("error", lambda: _serve(arguments), (ValueError, OSError), ends_by_interruption=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="recursezero view", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--fen", help="position to begin with")
    start.add_argument(
        "--pgn", type=Path, metavar="FILE", help="game to begin with, the first of the file (- for standard input)"
    )
    parser.add_argument("--weights", type=Path, metavar="DIR", help="folder of the network (default: the shipped one)")
    parser.add_argument("--compare", type=Path, metavar="DIR", help="folder of another network to compare with")
    parser.add_argument("--port", type=port_number, default=0, help="port (default: a free one)")
    parser.add_argument("--no-browser", action="store_true", help="print the address instead of opening it")
    parser.add_argument(
        "--teacher", metavar="CMD", help="UCI engine to compare with (default: Stockfish, if installed)"
    )
    parser.add_argument("--no-teacher", action="store_true", help="compare with none")
    parser.add_argument("--teacher-seconds", type=float, default=0.5, metavar="S", help="its time a position (0.5)")
    return parser


def _serve(arguments: argparse.Namespace) -> int:
    fragment = _fragment(arguments)
    from engine.view.capture import open_network
    from engine.view.local_server import LocalServer
    from engine.view.teacher_values import Teacher, installed_teacher
    from engine.view.view_api import ViewApi, view_site
    from engine.weights_location import default_weights_folder

    command = None if arguments.no_teacher else arguments.teacher or installed_teacher()
    teacher = None if command is None else Teacher(command, arguments.teacher_seconds)
    print("loading and compiling the network …", file=sys.stderr, flush=True)
    network = open_network(arguments.weights or default_weights_folder())
    network.warm_up()
    other = None if arguments.compare is None else open_network(arguments.compare)
    server = LocalServer(view_site(ViewApi(network, teacher, other)), arguments.port)
    try:
        server.show(fragment, opens_browser=not arguments.no_browser)
    finally:
        if teacher is not None:
            teacher.close()
    return 0


def _fragment(arguments: argparse.Namespace) -> str:
    """Returns the state that the page begins with, as it writes states into its address."""
    from engine.view.game_record import board_of, read_pgn_file

    if arguments.fen is not None:
        return urlencode({"fen": board_of(arguments.fen).fen()})
    if arguments.pgn is None:
        return ""
    game = read_pgn_file(arguments.pgn)
    return urlencode({"fen": game.fen, "moves": ",".join(game.moves), "ply": 0})
