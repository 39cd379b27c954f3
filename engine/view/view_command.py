"""Shows on a local web page what the network sees in a position.

The page is served on 127.0.0.1 only and works without a network connection. Ctrl-C ends it.
"""

import argparse
import contextlib
import sys
from pathlib import Path
from urllib.parse import urlencode

from engine.command_options import add_example, add_page, add_weights, positive_number


def add_view(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `recursezero view`."""
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--fen", metavar="FEN", help="position to begin with")
    start.add_argument(
        "--pgn", type=Path, metavar="FILE", help="game to begin with, the first of the file; - for standard input"
    )
    add_weights(parser)
    add = parser.add_argument
    add("--compare", type=Path, metavar="DIR", help="folder of a second network to compare with")
    add("--teacher", metavar="CMD", help="command of a UCI engine to compare with (default: Stockfish, if installed)")
    add("--no-teacher", action="store_true", help="compare with no engine")
    seconds_help = "thinking time of that engine for a position (default: 0.5)"
    add("--teacher-seconds", type=positive_number, default=0.5, metavar="S", help=seconds_help)
    add_page(parser)
    add_example(parser, "recursezero view --pgn game.pgn")
    parser.set_defaults(work=_view)


def _view(arguments: argparse.Namespace) -> int:
    with contextlib.suppress(KeyboardInterrupt):  # the only way to end it
        _serve(arguments)
    return 0


def _serve(arguments: argparse.Namespace) -> None:
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


def _fragment(arguments: argparse.Namespace) -> str:
    """Returns the page's first state in the form in which it stands in the page's address."""
    from engine.view.game_record import board_of, read_pgn_file

    if arguments.fen is not None:
        return urlencode({"fen": board_of(arguments.fen).fen()})
    if arguments.pgn is None:
        return ""
    game = read_pgn_file(arguments.pgn)
    return urlencode({"fen": game.fen, "moves": ",".join(game.moves), "ply": 0})
