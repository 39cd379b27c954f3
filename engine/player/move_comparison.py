"""Compares the few most probable moves by the values of the positions after them: the selection `lookahead`.

Only moves whose comparison can change the choice are worth an evaluation: the most probable ones, and of these none
that is far less probable than the first. Where that leaves one move, it is played without a second look.
"""

import dataclasses
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import chess
import numpy as np

from engine.player.evaluator import Evaluation, log_softmax
from engine.player.successors import Successors

# Bounds the log-odds of results that are certain.
_MARGIN = 1e-4
# Put on a move that the answer expected to it mates: no policy is so sure as to outweigh it.
_MATED = -1e3
# Of the successors' log-odds beside the policy's logits. Measured: either alone chooses worse than both together, and
# anything from 1 to 3 is about as good (docs/measurements.md).
_ODDS_WEIGHT = 1.5


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """Holds the outcome of a look-ahead.

    Attributes:
      policy: the evaluation of the position, its policy improved if moves were compared.
      moves: those compared, the most probable first; none if there was nothing to compare or no time.
      scores: the points in 0..1 that the mover expects after each of them.
      reason: why no moves were compared, in words; "" if some were.
      nodes: positions evaluated.
    """

    policy: Evaluation
    moves: tuple[chess.Move, ...] = ()
    scores: tuple[float, ...] = ()
    reason: str = ""
    nodes: int = 0


def close_moves(
    evaluation: Evaluation, ranked: Sequence[chess.Move], most: int, least_ratio: float
) -> list[chess.Move]:
    """Returns the moves that a comparison could put first.

    Args:
      evaluation: the policy.
      ranked: the moves to choose from, the most probable first; at least one.
      most: how many at most, at least 1.
      least_ratio: of a move's probability to the first one's, 0..1.
    """
    log_prob = dict(zip(evaluation.moves, map(float, evaluation.log_probs), strict=True))
    best = log_prob[ranked[0]]
    return [move for move in ranked[:most] if math.exp(log_prob[move] - best) >= least_ratio]


def lookahead_policy(
    evaluation: Evaluation,
    successors: Successors,
    compared: Sequence[chess.Move],
    draws: Collection[chess.Move] = (),
) -> Evaluation:
    """Returns the evaluation with its policy improved by the values of some successors.

    The moves compared share their probability anew, in proportion to pi(a) times a power of the odds of the score
    expected after a: the two err in different moves. Other moves keep their probability, but for draws, which are
    weighed on the same scale. A move whose expected answer mates is worth less than any other.

    Args:
      evaluation: of the position.
      successors: evaluated, or decided by rule, for all moves compared.
      compared: legal moves, at least one.
      draws: other moves that draw on the spot.
    """
    place = {move: index for index, move in enumerate(evaluation.moves)}
    logits = evaluation.log_probs.astype(float)
    chosen = [place[move] for move in compared]
    weighed = logits[chosen] + _ODDS_WEIGHT * np.array([_log_odds(successors, move) for move in compared])
    mated = np.array([successors.mate_in(move) == -1 for move in compared])
    # The first of the moves compared stays ahead of those that were not, whatever its value, unless it is mated.
    gain = 0.0 if mated.all() else _log_sum(logits[chosen]) - _log_sum(weighed[~mated])
    logits[chosen] = weighed + gain + _MATED * mated
    logits[[place[move] for move in draws]] += gain  # the odds of a draw are even
    return dataclasses.replace(evaluation, log_probs=log_softmax(logits))


def _log_odds(successors: Successors, move: chess.Move) -> float:
    score = min(max(successors.score(move), _MARGIN), 1.0 - _MARGIN)
    return math.log(score / (1.0 - score))


def _log_sum(logits: np.ndarray) -> float:
    highest = logits.max()
    return float(highest + np.log(np.exp(logits - highest).sum()))
