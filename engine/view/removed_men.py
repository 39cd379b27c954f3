"""What a man is worth to the network: the verdict on the board without it (occlusion, Zeiler & Fergus 2014)."""

from collections.abc import Iterator
from typing import NamedTuple

import chess
import numpy as np

from engine.player.evaluator import Evaluator


class ManWorth(NamedTuple):
    """What taking a man off the board changes.

    Attributes:
      square: where it stands.
      wdl_to_move: `[3]` win, draw, loss of the side to move without it.
      change: of the value (win minus loss) of the side to move, in -2..2.
    """

    square: chess.Square
    wdl_to_move: np.ndarray
    change: float


def worth_of_men(board: chess.Board, value_to_move: float, evaluator: Evaluator) -> list[ManWorth]:
    """Returns the worth of every man that can be taken off, by square.

    Kings cannot, nor can men without whom no game reaches the position or the side to move has no move.

    Args:
      board: the position; repetitions are not counted in what is left of it.
      value_to_move: of the whole position.
      evaluator: judges the others, in one batch.
    """
    left = list(_boards_without(board))
    evaluations = evaluator.evaluate([without for _, without in left])
    return [
        ManWorth(square, evaluation.wdl_to_move, evaluation.value_to_move - value_to_move)
        for (square, _), evaluation in zip(left, evaluations, strict=True)
    ]


def _boards_without(board: chess.Board) -> Iterator[tuple[chess.Square, chess.Board]]:
    for square in chess.SquareSet(board.occupied & ~board.kings):
        without = board.copy(stack=False)
        without.remove_piece_at(square)
        without.castling_rights = without.clean_castling_rights()
        if not without.has_legal_en_passant():
            without.ep_square = None
        if without.is_valid() and any(without.legal_moves):
            yield square, without
