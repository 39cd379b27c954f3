"""What the network thinks of every move, in the format of lc0's VerboseMoveStats.

Programs made for lc0 read it, Nibbler above all: one line a move, the least probable first, then one for the position.
"""

import math
from collections.abc import Iterator

import chess
import numpy as np

from engine.encoding.move_labels import move_to_cell
from engine.player.choice import ranked_moves
from engine.player.player import Thought

_UNKNOWN_VALUE = "(WL:  -.-----) (D: -.---) (M:  -.-) "


def verbose_stats(board: chess.Board, thought: Thought) -> Iterator[str]:
    """Yields the lines.

    N is 1 where the position after the move was evaluated or is known by rule, P the policy, WL win minus loss,
    D draw, Q and V the value; U is 0, for nothing is explored, and M, the moves left, is not known.

    Args:
      board: the position.
      thought: what the player found about it.
    """
    evaluation = thought.evaluation
    log_prob = dict(zip(evaluation.moves, map(float, evaluation.log_probs), strict=True))
    for move in reversed(ranked_moves(evaluation)):
        wdl = thought.wdl_after.get(move)
        yield (
            "info string "
            + _head(move.uci(), move_to_cell(board, move), int(wdl is not None), log_prob[move])
            + (_values(wdl, evaluation.value_to_move))
        )
    yield (
        "info string "
        + _head("node", len(evaluation.moves), thought.nodes, 0.0)
        + (_values(evaluation.wdl_to_move, 0.0))
    )


def _head(label: str, index: int, visits: int, log_prob: float) -> str:
    percent = 100.0 * math.exp(log_prob)
    return f"{label:<5} ({index:<4}) N: {visits:7d} (+ 0) (P: {percent:5.{1 if percent >= 99.995 else 2}f}%) "


def _values(wdl: np.ndarray | None, assumed: float) -> str:
    """Returns the values of a position; one that was not looked at is assumed to be worth what the root is."""
    if wdl is None:
        return f"{_UNKNOWN_VALUE}(Q: {assumed:8.5f}) (U: 0.00000) (S: {assumed:8.5f}) (V:  -.----)"
    value = float(wdl[0] - wdl[2])
    return (
        f"(WL: {value:8.5f}) (D: {float(wdl[1]):5.3f}) (M:  -.-) "
        f"(Q: {value:8.5f}) (U: 0.00000) (S: {value:8.5f}) (V: {value:7.4f})"
    )
