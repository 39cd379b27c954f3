"""Fits one Elo to pairs of games against opponents of known Elo, by maximum likelihood.

The expected score against an opponent is logistic in the difference, and a draw is half a win and
half a loss. The likelihood then is greatest where the points expected equal the points made. The
interval is a bootstrap over opening pairs, within each opponent, from shares that count one pair more
for each opponent, spread evenly over the five outcomes: equal pairs are no proof of certainty.

Reference: A. Elo, "The Rating of Chessplayers" (1978); B. Efron, Ann. Stat. 7 (1979) 1, stratified.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.evaluation.match.elo import Pentanomial

RESAMPLES = 10_000
# The fit is sought this far from the weakest and the strongest opponent; beyond, it is unbounded.
_REACH_ELO = 1200.0
_POINTS = np.array([0.0, 0.5, 1.0, 1.5, 2.0])


@dataclass(frozen=True, kw_only=True)
class RungResult:
    """Counts the pairs against one opponent.

    Attributes:
      opponent_elo: known.
      pentanomial: numbers of pairs with 0, 1/2, 1, 3/2, 2 points of the player rated.
    """

    opponent_elo: float
    pentanomial: Pentanomial


@dataclass(frozen=True, kw_only=True)
class RatingFit:
    """Holds a rating, infinite where all games were lost or all were won.

    Attributes:
      elo: the maximum-likelihood estimate.
      low_95: 2.5 % quantile of the bootstrap.
      high_95: 97.5 % quantile.
      resamples: number of bootstrap samples.
    """

    elo: float
    low_95: float
    high_95: float
    resamples: int


def fit_rating(rungs: Sequence[RungResult], *, resamples: int = RESAMPLES, seed: int = 1) -> RatingFit:
    """Returns the rating that explains all rungs best.

    Args:
      rungs: at least one pair in all.
      resamples: number of bootstrap samples.
      seed: fixes them.

    Raises:
      ValueError: there are no pairs.
    """
    counts = np.array([rung.pentanomial for rung in rungs], dtype=np.int64).reshape(-1, 5)
    played = counts.sum(axis=1)
    if not played.sum():
        raise ValueError("expected at least one pair of games, got none")
    opponents = np.array([rung.opponent_elo for rung in rungs])
    elo = float(_solve(opponents, 2 * played, np.array([(counts @ _POINTS).sum()]))[0])
    generator = np.random.default_rng(seed)
    points = np.zeros(resamples)
    for row, pairs in zip(counts, played, strict=True):
        if pairs:
            shares = (row + 1 / len(_POINTS)) / (pairs + 1)
            points += generator.multinomial(pairs, shares, size=resamples) @ _POINTS
    samples = _solve(opponents, 2 * played, points)
    # Between two samples there is nothing to interpolate when one of them is infinite.
    low, high = np.quantile(samples, [0.025, 0.975], method="nearest")
    return RatingFit(elo=elo, low_95=float(low), high_95=float(high), resamples=resamples)


def _solve(opponents: np.ndarray, games: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Returns for each number of points the rating at which it is expected, by bisection."""
    low = np.full(points.shape, opponents.min() - _REACH_ELO)
    high = np.full(points.shape, opponents.max() + _REACH_ELO)
    for _ in range(60):
        middle = (low + high) / 2
        expected = (games / (1 + 10 ** ((opponents - middle[:, None]) / 400))).sum(axis=1)
        too_low = expected < points
        low, high = np.where(too_low, middle, low), np.where(too_low, high, middle)
    ratings = (low + high) / 2
    ratings = np.where(points <= 0, -math.inf, ratings)
    return np.where(points >= games.sum(), math.inf, ratings)
