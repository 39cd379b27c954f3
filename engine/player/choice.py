"""Turns a policy into a move by a few rules, applied in this order.

  1. A move that mates at once is played, the most probable one if there are several.
  2. When the side to move is winning (expected score at least 0.6), moves into a position that was
     on the board before are struck out, and moves that draw: on the spot (stalemate, insufficient
     material, third repetition, fifty moves), or since an answer repeats a position for the third
     time. Another good move must be left: one at least 1/20 as probable as the most probable move
     of all. Failing that, only the moves that draw are, for any move at least 1/100 as probable.
  3. The most probable move left is played; with a temperature T above 0 a move is drawn with
     probability proportional to p ** (1 / T) instead, of those that are probable enough.

The rules use the laws of chess alone: the position after one move of the side to move, and an answer that was on the
board before. They do not ask the network.
"""

import functools
import itertools
import math
import random
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Literal

import chess

from engine.player.mate_in_one import mating_move

if TYPE_CHECKING:  # NumPy comes with it, and neither the table of options nor a session's first answer waits for that
    from engine.player.evaluator import Evaluation

# Whose policy is used. policy: the network's, from one evaluation. lookahead: the network's, improved by the values of
# the positions after the most probable moves. cmpo: the network's, improved in the same evaluation by its latent model.
MoveSelection = Literal["policy", "lookahead", "cmpo"]
# Of `lookahead`: moves compared at most, and the least probability of one relative to the best move's. Measured
# (docs/measurements.md).
LOOKAHEAD_MOVES = 2
LOOKAHEAD_RATIO = 0.5
MOST_MOVES = 218  # legal ones of any position

WINNING_EXPECTED_SCORE = 0.6
GOOD_MOVE_RATIO = 1 / 20
PASSABLE_MOVE_RATIO = 1 / 100
_PLIES_BEFORE_THIRD_REPETITION = 7  # two rounds of four plies, less the last


def recent_copy(board: chess.Board) -> chess.Board:
    """Returns a copy of a board that remembers its game back to the last capture or pawn move.

    Positions before that cannot be repeated, and copying a whole long game takes milliseconds.

    Args:
      board: with its game in the move stack; it is left as it was.
    """
    return board.copy(stack=board.halfmove_clock)


def ranked_moves(evaluation: "Evaluation", allowed: Collection[chess.Move] = ()) -> list[chess.Move]:
    """Returns the moves from the most to the least probable, ties in the order of UCI text.

    Args:
      evaluation: the policy.
      allowed: the moves to keep; when none of them is legal, every move is kept.
    """
    log_prob = dict(zip(evaluation.moves, map(float, evaluation.log_probs), strict=True))
    kept = [move for move in evaluation.moves if move in allowed] or evaluation.moves
    return sorted(kept, key=lambda move: -log_prob[move])


def choose_move(
    board: chess.Board,
    evaluation: "Evaluation",
    ranked: Sequence[chess.Move],
    temperature: float,
    rng: random.Random,
    *,
    guard: bool = True,
    least_ratio: float = 0.0,
    may_mate: bool = True,
) -> chess.Move:
    """Returns the move to play by the rules of this module.

    Args:
      board: the position, with its game in the move stack; it is left as it was.
      evaluation: what the network says about it.
      ranked: moves to choose from, as `ranked_moves` returns them; at least one.
      temperature: 0 for the most probable move, 1 to draw from the policy itself.
      rng: consumed only when the temperature is above 0.
      guard: whether rule 2 holds.
      least_ratio: moves less probable than this share of the most probable one are not drawn, 0..1.
      may_mate: False where it is known that no move mates, so that none is looked for again.
    """
    own = recent_copy(board)
    mate = mating_move(own, ranked) if may_mate else None
    if mate is not None:
        return mate
    wanted = _without_needless_draws(own, evaluation, ranked) if guard else iter(ranked)
    if temperature <= 0.0:
        return next(wanted)
    playable = list(wanted)
    log_prob = dict(zip(evaluation.moves, map(float, evaluation.log_probs), strict=True))
    best = log_prob[playable[0]]
    drawn = [move for move in playable if math.exp(log_prob[move] - best) >= least_ratio]
    weights = [math.exp((log_prob[move] - best) / temperature) for move in drawn]
    return rng.choices(drawn, weights)[0]


def position_after(board: chess.Board, move: chess.Move) -> chess.Board:
    """Returns a copy of the board with the move made and the game kept as far as it matters."""
    after = recent_copy(board)
    after.push(move)
    return after


def _holds_after(board: chess.Board, move: chess.Move, holds: Callable[[chess.Board], bool]) -> bool:
    """Returns whether something holds after a move, which is made and taken back."""
    board.push(move)
    try:
        return holds(board)
    finally:
        board.pop()


def is_drawn_by_rule(board: chess.Board) -> bool:
    """Returns whether a player could end the game as a draw in this position, before any move is made."""
    if board.is_insufficient_material() or board.is_stalemate():
        return True
    fifty_moves = board.halfmove_clock >= 100 and not board.is_checkmate()
    return fifty_moves or board.is_repetition(3)


def _without_needless_draws(
    board: chess.Board, evaluation: "Evaluation", ranked: Sequence[chess.Move]
) -> Iterator[chess.Move]:
    """Returns the moves left by rule 2, in their order; each is looked at when asked for, as one is often enough."""
    if evaluation.expected_score_to_move < WINNING_EXPECTED_SCORE:
        return iter(ranked)
    log_prob = dict(zip(evaluation.moves, map(float, evaluation.log_probs), strict=True))
    for is_needless, least_ratio in ((_leads_nowhere, GOOD_MOVE_RATIO), (_draws, PASSABLE_MOVE_RATIO)):
        others = itertools.filterfalse(functools.partial(_holds_after, board, holds=is_needless), ranked)
        first = next(others, None)
        if first is not None and log_prob[first] >= log_prob[ranked[0]] + math.log(least_ratio):
            return itertools.chain([first], others)
    return iter(ranked)


def _leads_nowhere(board: chess.Board) -> bool:
    return board.is_repetition(2) or _draws(board)


def _draws(board: chess.Board) -> bool:
    """Returns whether the game is drawn on the spot, or an answer repeats a position for the third time."""
    if is_drawn_by_rule(board):
        return True
    if board.halfmove_clock < _PLIES_BEFORE_THIRD_REPETITION:
        return False
    return any(_holds_after(board, answer, lambda after: after.is_repetition(3)) for answer in board.legal_moves)
