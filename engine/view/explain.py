"""Explains a position in a file, without a browser: `recursezero explain FEN -o out.svg` (or out.json)."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import chess


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Returns:
      0, or 2 after one line on stderr that says what was wrong.
    """
    arguments = _parser().parse_args(argv)
    try:
        _explain(arguments)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="recursezero explain", description=__doc__)
    parser.add_argument("fen", help="position, or `startpos`")
    parser.add_argument("--moves", nargs="*", default=[], metavar="MOVE", help="moves from there, such as e2e4")
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="FILE", help="picture (.svg) or data (.json)")
    parser.add_argument("--state", type=int, help="state of the recursion, from 0 (default: the one that is played)")
    parser.add_argument("--square", help="whose attention (default: the start of the most probable move)")
    parser.add_argument("--block", type=int, help="block of f, from 1 (default: the last)")
    parser.add_argument("--head", type=int, help="attention head, from 1 (default: the mean of all)")
    parser.add_argument("--to", action="store_true", help="attention to the square instead of from it")
    parser.add_argument("--black", action="store_true", help="Black at the bottom")
    parser.add_argument("--weights", type=Path, metavar="DIR", help="folder of the network (default: the shipped one)")
    return parser


def _explain(arguments: argparse.Namespace) -> None:
    import chess

    from engine.view.game_record import GameRecordError, board_of

    if arguments.out.suffix not in (".svg", ".json"):
        raise ValueError(f"expected a file that ends in .svg or .json, got {arguments.out} (the page exports PNG)")
    board = board_of(chess.STARTING_FEN if arguments.fen == "startpos" else arguments.fen, arguments.moves)
    if not any(board.legal_moves):
        raise GameRecordError(f"expected a position with a legal move, got {board.fen()}")
    if arguments.square is not None and arguments.square not in chess.SQUARE_NAMES:
        raise ValueError(f"expected a square from a1 to h8, got {arguments.square!r}")
    arguments.out.write_text(_content(arguments, board), encoding="utf-8")


def _content(arguments: argparse.Namespace, board: "chess.Board") -> str:
    import chess

    from engine.view.explanation import attention_json, explain_trace, position_facts
    from engine.view.explanation_svg import Look, explanation_svg
    from engine.view.network_opening import open_network
    from engine.weights_location import default_weights_folder

    network = open_network(arguments.weights or default_weights_folder())
    trace = network.capture.trace(board)
    if arguments.out.suffix == ".json":
        attention = [attention_json(trace, state) for state in range(len(trace.residual))]
        content = {**position_facts(board), "network": explain_trace(board, trace), "attention": attention}
        return json.dumps(content) + "\n"
    look = Look(
        state=arguments.state,
        square=None if arguments.square is None else chess.parse_square(arguments.square),
        block=None if arguments.block is None else arguments.block - 1,
        head=None if arguments.head is None else arguments.head - 1,
        to_square=arguments.to,
        orientation=not arguments.black,
    )
    return explanation_svg(board, trace, look) + "\n"


if __name__ == "__main__":
    sys.exit(main())
