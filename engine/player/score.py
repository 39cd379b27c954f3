"""Converts win, draw and loss probabilities to the numbers that chess programs show: permille and centipawns.

Every number has the view of the side whose probabilities are given.
"""

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the table of options needs this file before anything heavy is imported
    import numpy as np

# Lichess fitted win% = 50 + 50 * (2 / (1 + exp(-0.00368208 * cp)) - 1) to rapid games
# (https://lichess.org/page/accuracy); solved for cp it turns an expected score into centipawns.
LOGISTIC_PER_CP = 0.00368208
# The inverse is infinite at 0 and 1; this margin bounds it to +-2501 cp.
_SCORE_MARGIN = 1e-4


def expected_score_to_cp(expected_score: float) -> int:
    """Returns the centipawns that Lichess's curve gives this expected score.

    Args:
      expected_score: points expected from the game, 0..1.
    """
    bounded = min(max(expected_score, _SCORE_MARGIN), 1.0 - _SCORE_MARGIN)
    return round(math.log(bounded / (1.0 - bounded)) / LOGISTIC_PER_CP)


def wdl_permille(wdl: "np.ndarray") -> tuple[int, int, int]:
    """Rounds win, draw and loss probabilities to permille that sum to exactly 1000.

    Largest remainder (Hamilton's method): every share is rounded down, and the points left over
    go to the largest remainders, on ties to the earlier share.

    Args:
      wdl: `[3]` finite shares, at least 0, with a positive sum; they are normalised.

    Raises:
      ValueError: the shares are not such numbers.
    """
    shares = [float(share) for share in wdl]
    total = sum(shares)
    if len(shares) != 3 or not math.isfinite(total) or min(shares) < 0.0 or total <= 0.0:
        raise ValueError(f"expected win, draw and loss as finite shares, got: {shares} (allowed: 0..1, sum 1)")
    exact = [1000.0 * share / total for share in shares]
    floors = [math.floor(share) for share in exact]
    by_remainder = sorted(range(3), key=lambda index: floors[index] - exact[index])
    for index in by_remainder[: 1000 - sum(floors)]:
        floors[index] += 1
    return floors[0], floors[1], floors[2]
