"""Shows what a verdict depends on: without a piece (occlusion, Zeiler & Fergus 2014), or without attention heads."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import chess
import chex
import numpy as np

from engine.network.network_config import NetworkConfig
from engine.player.evaluator import Evaluator

HeadChoice = tuple[tuple[int, int], ...]  # (block, head) each, from 0


class PieceWorth(NamedTuple):
    """Holds what removing a piece changes.

    Attributes:
      square: where it stands.
      wdl_to_move: `[3]` win, draw, loss of the side to move without it.
      change: of the value (win minus loss) of the side to move, in -2..2.
    """

    square: chess.Square
    wdl_to_move: np.ndarray
    change: float


def worth_of_pieces(board: chess.Board, value_to_move: float, evaluator: Evaluator) -> list[PieceWorth]:
    """Returns the worth of every piece that can be removed, by square.

    Kings cannot, nor can pieces without which no game reaches the position or the side to move has no move.

    Args:
      board: the position; repetitions are not counted without the piece.
      value_to_move: of the whole position.
      evaluator: judges the others, in one batch.
    """
    left = list(_boards_without(board))
    evaluations = evaluator.evaluate([without for _, without in left])
    return [
        PieceWorth(square, evaluation.wdl_to_move, evaluation.value_to_move - value_to_move)
        for (square, _), evaluation in zip(left, evaluations, strict=True)
    ]


class HeadError(ValueError):
    """There is no such head; the text is one line."""


def without_heads(params: chex.ArrayTree, config: NetworkConfig, heads: HeadChoice) -> chex.ArrayTree:
    """Returns parameters of a network in which some heads add nothing to the stream.

    A head owns C rows of the attention's output projection; they become 0, so in int8 it is exactly nothing, too.

    Args:
      params: nested dict of a network in training or serving form; it is left as it was.
      config: of the network.
      heads: block and head of each, from 0.

    Raises:
      HeadError: the network has no such block or head.
    """
    width = config.width // config.heads
    changed: Any = params
    for block, head in heads:
        if not (0 <= block < config.blocks and 0 <= head < config.heads):
            has = f"blocks 0 to {config.blocks - 1} and heads 0 to {config.heads - 1}"
            raise HeadError(f"expected {has}, got block {block}, head {head}")
        path = ("core", "f", f"block_{block}", "attention", "output", "kernel")
        try:
            changed = _with_rows_zero(changed, path, slice(head * width, (head + 1) * width))
        except KeyError:
            raise HeadError("expected a network whose f has heads to switch off, got another design") from None
    return changed


def _boards_without(board: chess.Board) -> Iterator[tuple[chess.Square, chess.Board]]:
    for square in chess.SquareSet(board.occupied & ~board.kings):
        without = board.copy(stack=False)
        without.remove_piece_at(square)
        without.castling_rights = without.clean_castling_rights()
        if not without.has_legal_en_passant():
            without.ep_square = None
        if without.is_valid() and any(without.legal_moves):
            yield square, without


def _with_rows_zero(tree: Any, path: tuple[str, ...], rows: slice) -> Any:
    if path:
        return {**tree, path[0]: _with_rows_zero(tree[path[0]], path[1:], rows)}
    if isinstance(tree, dict):  # an int8 kernel: values and scale
        return {**tree, "values": tree["values"].at[rows].set(0)}
    return tree.at[rows].set(0.0)
