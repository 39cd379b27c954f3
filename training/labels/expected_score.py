"""Converts a search engine's scores into the expected scores in [0, 1] that all labels hold.

Both tails are kept for forced mates, ordered by length, so that a shorter mate is worth more:

    mate in n moves        1 - 0.001 * min(n, 40)
    any other score        0.04 + 0.92 / (1 + exp(-0.00368208 * cp))
    mated in n moves       0.001 * min(n, 40)
"""

import math

from engine.player.score import LOGISTIC_PER_CP

SHARE_WITHOUT_MATE = 0.92
MATED_BELOW = 0.04
MATE_STEP = 0.001
LONGEST_MATE = 40
MATE_SCORE_CP = 32000
_MATE_FROM_CP = 31000


def cp_to_value(score_cp: float) -> float:
    """Returns the expected score, in 0.04..0.96, for a score in centipawns of the same side."""
    # The exponent is bounded so that exp cannot overflow; 700 already gives 0.04 exactly.
    exponent = min(-LOGISTIC_PER_CP * score_cp, 700.0)
    return MATED_BELOW + SHARE_WITHOUT_MATE / (1.0 + math.exp(exponent))


def mate_to_value(moves: int, mates: bool) -> float:
    """Returns the expected score of a forced mate.

    Args:
      moves: full moves until mate, counted from 1 for an immediate mate.
      mates: whether the side whose score it is gives the mate (else it is mated).
    """
    loss = MATE_STEP * min(moves, LONGEST_MATE)
    return 1.0 - loss if mates else loss


def score_to_value(score_cp: int) -> float:
    """Returns the expected score for a score in which a mate in n moves is +-(32000 - n)."""
    if abs(score_cp) >= _MATE_FROM_CP:
        return mate_to_value(MATE_SCORE_CP - abs(score_cp), score_cp > 0)
    return cp_to_value(score_cp)
