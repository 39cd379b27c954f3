"""Compares the few most probable moves by the values of the positions after them: the selection `lookahead`.

Only moves whose comparison can change the choice are worth an evaluation: the most probable ones, and of these none
that is far less probable than the first, nor one that the rules of chess show to be mated. Where that leaves one move,
it is played without an evaluation more.
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
# Put on a move that an answer mates: no policy is so sure as to outweigh it.
_MATED = -1e3
# Of the successors' log-odds beside the policy's logits. Measured: either alone chooses worse than both together, and
# anything from 1 to 3 is about as good (docs/measurements.md).
_ODDS_WEIGHT = 1.5


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """Holds the outcome of a look-ahead.

    Attributes:
      policy: the evaluation of the position, its policy improved by what was found.
      moves: those compared, the most probable first; none if there was nothing to compare or no time.
      scores: the points in 0..1 that the mover expects after each of them.
      mated: probable moves that were put last, since an answer mates.
      reason: why no moves were compared, in words; "" if some were.
      nodes: positions evaluated.
    """

    policy: Evaluation
    moves: tuple[chess.Move, ...] = ()
    scores: tuple[float, ...] = ()
    mated: tuple[chess.Move, ...] = ()
    reason: str = ""
    nodes: int = 0


def close_moves(
    evaluation: Evaluation, successors: Successors, ranked: Sequence[chess.Move], most: int, least_ratio: float
) -> tuple[list[chess.Move], list[chess.Move]]:
    """Returns the moves that a comparison could put first, and those before or among them that an answer mates.

    Args:
      evaluation: the policy.
      successors: of the position.
      ranked: the moves to choose from, the most probable first; at least one.
      most: how many to compare, at least 1.
      least_ratio: of a move's probability to the first one's that is not mated, 0..1.
    """
    log_prob = dict(zip(evaluation.moves, map(float, evaluation.log_probs), strict=True))
    close: list[chess.Move] = []
    mated: list[chess.Move] = []
    for move in ranked:
        if len(close) == most or close and math.exp(log_prob[move] - log_prob[close[0]]) < least_ratio:
            break
        (mated if successors.allows_mate(move) else close).append(move)
    return close, mated


def lookahead_policy(
    evaluation: Evaluation,
    successors: Successors,
    compared: Sequence[chess.Move],
    draws: Collection[chess.Move] = (),
    mated: Collection[chess.Move] = (),
) -> Evaluation:
    """Returns the evaluation with its policy improved by the values of some successors.

    The moves compared share their probability anew, in proportion to pi(a) times a power of the odds of the score
    expected after a: the two err in different moves. Other moves keep their probability, but for draws, which are
    weighed on the same scale, and for moves that an answer mates, which come last.

    Args:
      evaluation: of the position.
      successors: evaluated, or decided by rule, for all moves compared.
      compared: legal moves.
      draws: other moves that draw on the spot.
      mated: other moves that an answer mates.
    """
    place = {move: index for index, move in enumerate(evaluation.moves)}
    logits = evaluation.log_probs.astype(float)
    if compared:
        chosen = [place[move] for move in compared]
        weighed = logits[chosen] + _ODDS_WEIGHT * np.array([_log_odds(successors.score(move)) for move in compared])
        # The first of the moves compared stays ahead of those that were not, whatever its value.
        gain = _log_sum(logits[chosen]) - _log_sum(weighed)
        logits[chosen] = weighed + gain
        logits[[place[move] for move in draws]] += gain  # the odds of a draw are even
    logits[[place[move] for move in mated]] += _MATED
    return dataclasses.replace(evaluation, log_probs=log_softmax(logits))


def _log_odds(score: float) -> float:
    bounded = min(max(score, _MARGIN), 1.0 - _MARGIN)
    return math.log(bounded / (1.0 - bounded))


def _log_sum(logits: np.ndarray) -> float:
    highest = logits.max()
    return float(highest + np.log(np.exp(logits - highest).sum()))
