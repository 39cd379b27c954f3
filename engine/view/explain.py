"""Explains one position without a browser: as text, or in a file as a picture, as data or as a page."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from engine.command_line import print_written
from engine.command_options import add_example, add_weights, whole_number

if TYPE_CHECKING:
    import chess

_SUFFIXES = (".svg", ".json", ".html")


def add_explain(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `recursezero explain`."""
    add = parser.add_argument
    add("fen", metavar="FEN", help="the position, or `startpos`")
    add("--moves", nargs="*", default=[], metavar="MOVE", help="moves from there, such as e2e4")
    add_weights(parser)
    out_help = "write a picture (.svg), data (.json) or a page with both (.html) instead of printing text"
    add("-o", "--out", type=Path, metavar="FILE", help=out_help)
    state_help = "state of the recursion, counted from 0 (default: the one that is played)"
    add("--state", type=whole_number, metavar="N", help=state_help)
    add("--square", metavar="SQUARE", help="square whose attention is shown (default: where the best move starts)")
    add("--block", type=whole_number, metavar="N", help="block of the network, counted from 1 (default: the last)")
    add("--head", type=whole_number, metavar="N", help="attention head, counted from 1 (default: the mean of all)")
    add("--to", action="store_true", help="show attention to the square instead of from it")
    add("--black", action="store_true", help="show Black at the bottom")
    add_example(parser, "recursezero explain startpos --moves e2e4 e7e5 --out position.svg")
    parser.set_defaults(work=_explain)


def _explain(arguments: argparse.Namespace) -> int:
    import chess

    from engine.view.game_record import GameRecordError, board_of

    if arguments.out is not None and arguments.out.suffix not in _SUFFIXES:
        raise ValueError(
            f"expected a file that ends in .svg, .json or .html, got {arguments.out} (the page exports PNG)"
        )
    board = board_of(chess.STARTING_FEN if arguments.fen == "startpos" else arguments.fen, arguments.moves)
    if not any(board.legal_moves):
        raise GameRecordError(f"expected a position with a legal move, got {board.fen()}")
    if arguments.square is not None and arguments.square not in chess.SQUARE_NAMES:
        raise ValueError(f"expected a square from a1 to h8, got {arguments.square!r}")
    if arguments.out is not None and not arguments.out.parent.is_dir():
        raise ValueError(f"expected a file in a folder that exists, got {arguments.out}")
    content = _content(arguments, board)
    if arguments.out is None:
        print(content)
    else:
        arguments.out.write_text(content + "\n", encoding="utf-8")
        print_written(arguments.out)
    return 0


def _content(arguments: argparse.Namespace, board: "chess.Board") -> str:
    import chess

    from engine.view.capture import open_network
    from engine.view.explanation import whole_explanation
    from engine.view.explanation_html import explanation_html
    from engine.view.explanation_svg import explanation_svg
    from engine.view.explanation_text import explanation_text
    from engine.view.look import Look
    from engine.weights_location import default_weights_folder

    network = open_network(arguments.weights or default_weights_folder())
    trace = network.capture.trace(board)
    suffix = None if arguments.out is None else arguments.out.suffix
    if suffix == ".json":
        return json.dumps(whole_explanation(board, trace))
    _, blocks, heads = trace.attention.shape[:3]
    look = Look(
        state=arguments.state,
        square=None if arguments.square is None else chess.parse_square(arguments.square),
        block=_from_zero("--block", arguments.block, blocks),
        head=_from_zero("--head", arguments.head, heads),
        to_square=arguments.to,
        orientation=not arguments.black,
    )
    write = {".svg": explanation_svg, ".html": explanation_html, None: explanation_text}[suffix]
    return write(board, trace, look)


def _from_zero(name: str, value: int | None, count: int) -> int | None:
    """Returns a number that people count from 1, counted from 0."""
    if value is not None and not 1 <= value <= count:
        raise ValueError(f"expected {name} from 1 to {count}, got {value}")
    return None if value is None else value - 1
