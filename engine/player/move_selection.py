"""What makes a move good: the policy of the position, or that improved by the values of the positions after moves."""

import dataclasses
from collections.abc import Collection
from typing import TYPE_CHECKING, Literal

import chess

if TYPE_CHECKING:  # the table of options needs the names before anything heavy is imported
    from engine.player.evaluator import Evaluation
    from engine.player.successors import Successors

# policy: the network's, from one evaluation. lookahead: one ply, the policy and the values of all successors, each of
# which is evaluated. cmpo: the policy that the network's latent model improves in the same evaluation; an evaluator
# that does so is the player's.
MoveSelection = Literal["policy", "lookahead", "cmpo"]

# Bounds the log-odds of results that are certain.
_MARGIN = 1e-4
# Put on a move that the answer expected to it mates: no policy is so sure as to outweigh it.
_MATED = -1e3
# Of the successors' log-odds beside the policy's logits. Measured: either alone chooses worse than both together, and
# anything from 1 to 3 is about as good (docs/measurements.md).
_ODDS_WEIGHT = 1.5


def lookahead_policy(evaluation: "Evaluation", successors: "Successors", moves: Collection[chess.Move]) -> "Evaluation":
    """Returns the evaluation with the policy that the values of the successors improve.

    pi(a) times the odds of the score expected after a, to a power: the policy and the values err in different moves.

    Args:
      evaluation: of the position.
      successors: evaluated, or decided by rule, for all the moves.
      moves: some of the legal ones; the others get probability 0.
    """
    import numpy as np

    logits = np.full(len(evaluation.moves), -np.inf)
    for index, move in enumerate(evaluation.moves):
        wdl = successors.wdl(move) if move in moves else None
        if wdl is not None:
            score = np.clip(wdl[0] + 0.5 * wdl[1], _MARGIN, 1.0 - _MARGIN)
            logits[index] = evaluation.log_probs[index] + _ODDS_WEIGHT * np.log(score / (1.0 - score))
            logits[index] += _MATED * (successors.mate_in(move) == -1)
    shifted = logits - logits.max()
    return dataclasses.replace(evaluation, log_probs=shifted - np.log(np.exp(shifted).sum()))
