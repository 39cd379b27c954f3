"""Explains a position without a browser, as text or in a file: `recursezero explain FEN [-o out.svg|.json|.html]`."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.command_line import exit_status

if TYPE_CHECKING:
    import chess

_SUFFIXES = (".svg", ".json", ".html")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Returns:
      0, 2 after one line on stderr that says what was wrong, or 130 after an interruption.
    """
    arguments = _parser().parse_args(argv)
    return exit_status("error", lambda: _explain(arguments), (ValueError, OSError))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="recursezero explain", description=__doc__)
    parser.add_argument("fen", help="position, or `startpos`")
    parser.add_argument("--moves", nargs="*", default=[], metavar="MOVE", help="moves from there, such as e2e4")
    parser.add_argument(
        "-o", "--out", type=Path, metavar="FILE", help="picture (.svg), data (.json), or both with a slider (.html)"
    )
    parser.add_argument("--state", type=int, help="state of the recursion, from 0 (default: the one that is played)")
    parser.add_argument("--square", help="whose attention (default: the start of the most probable move)")
    parser.add_argument("--block", type=int, help="block of f, from 1 (default: the last)")
    parser.add_argument("--head", type=int, help="attention head, from 1 (default: the mean of all)")
    parser.add_argument("--to", action="store_true", help="attention to the square instead of from it")
    parser.add_argument("--black", action="store_true", help="Black at the bottom")
    parser.add_argument("--weights", type=Path, metavar="DIR", help="folder of the network (default: the shipped one)")
    return parser


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
