"""What makes a move good: the policy of the position, improved or not, or the values of the positions after moves."""

import dataclasses
from collections.abc import Collection
from typing import TYPE_CHECKING, Literal

import chess

if TYPE_CHECKING:  # the table of options needs the names before anything heavy is imported
    from engine.player.evaluator import Evaluation
    from engine.player.successors import Successors

# policy: the network's, from one evaluation. lookahead: one ply, every successor evaluated in one batch. cmpo: the
# policy that the network's latent model improves in the same evaluation; an evaluator that does so is the player's.
MoveSelection = Literal["policy", "lookahead", "cmpo"]

# Bounds the log-odds of results that are certain.
_MARGIN = 1e-4
# Moves of equal value are told apart by the policy.
_TIE_BREAK = 1e-6


def lookahead_policy(evaluation: "Evaluation", successors: "Successors", moves: Collection[chess.Move]) -> "Evaluation":
    """Returns the evaluation with the policy that the values of the successors make.

    The log-odds of the score expected after a move take the place of the network's logits, so that at temperature 0
    the move of the highest value is played.

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
            logits[index] = np.log(score / (1.0 - score)) + _TIE_BREAK * np.exp(evaluation.log_probs[index])
    shifted = logits - logits.max()
    return dataclasses.replace(evaluation, log_probs=shifted - np.log(np.exp(shifted).sum()))
