"""Ways to write an expected result as the number after `score cp`; the names are those of lc0."""

import math
from collections.abc import Callable
from typing import Literal

from engine.player.score import expected_score_to_cp

ScoreType = Literal["centipawn", "win_percentage", "Q", "W-L", "WDL_mu"]

# Above this share of certainty the logistic of WDL_mu is steep, and its result mostly noise (lc0 has the same bound).
_STEEP = 0.996
# The widest logistic that is taken seriously, as in lc0: so few draws that the model does not fit.
_WIDEST = 1.4


def centipawn(win: float, draw: float, _loss: float) -> int:
    """Returns the centipawns of the expected score by Lichess's curve."""
    return expected_score_to_cp(win + 0.5 * draw)


def win_percentage(win: float, draw: float, _loss: float) -> int:
    """Returns the expected score in hundredths of a percent, 0..10000."""
    return round(10_000 * (win + 0.5 * draw))


def win_minus_loss(win: float, _draw: float, loss: float) -> int:
    """Returns win minus loss in ten-thousandths, -10000..10000."""
    return round(10_000 * (win - loss))


def wdl_mu(win: float, draw: float, loss: float) -> int:
    """Returns 100 times the advantage at which White wins half the games, where lc0's logistic model holds.

    The model: the result is a win above +1, a loss below -1, of a logistic variable around mu, so
    mu = (a - b) / (a + b) with a = log(1 / loss - 1) and b = log(1 / win - 1); its width is 2 / (a + b). Where the
    model is not reliable, `centipawn`.
    """
    fallback = centipawn(win, draw, loss)
    if min(win, loss) <= 0.0 or abs(win - loss) + draw >= _STEEP:
        return fallback
    against, towards = math.log(1.0 / loss - 1.0), math.log(1.0 / win - 1.0)
    if against + towards < 2.0 / _WIDEST:
        return fallback
    mu = (against - towards) / (against + towards)
    return round(100.0 * mu) if abs(mu) < 1.0 or abs(fallback) < abs(100.0 * mu) else fallback


# Name → function of win, draw and loss probability of the side that the score is for.
SCORES: dict[ScoreType, Callable[[float, float, float], int]] = {
    "centipawn": centipawn,
    "win_percentage": win_percentage,
    "Q": win_minus_loss,  # lc0's Q counts draws with its DrawScore, which is 0 here
    "W-L": win_minus_loss,
    "WDL_mu": wdl_mu,
}
