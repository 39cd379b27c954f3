"""Computes the Elo difference of a match of paired games with its 95 % interval, normalized Elo and LOS.

A pair is one opening played twice with colours exchanged. Its two games share the opening's bias,
so the pair is the unit of the error bar: results are counted pentanomially, by the points (0, 1/2,
1, 3/2, 2) that the first player made in the pair. A score s is the share of points in 0..1.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

Z_95 = 1.959963984540054  # two-sided 95 % quantile of the normal distribution

# Elo of a small difference per standard deviation of a game without draws.
NORMALIZED = 800 / math.log(10)

# Pairs in which the first player made 0, 1/2, 1, 3/2, 2 points.
Pentanomial = tuple[int, int, int, int, int]


@dataclass(frozen=True, kw_only=True)
class PairedScore:
    """Holds score and Elo difference of the first player.

    Attributes:
      pentanomial: numbers of pairs with 0, 1/2, 1, 3/2, 2 points.
      score: share of the points, 0..1.
      score_standard_error: of `score`, with the pair as the unit; None for a single pair.
      elo: difference to the second player; infinite for a score of 0 or 1.
      elo_low_95: lower end of the 95 % interval, infinite for a score of 0.
      elo_high_95: upper end, infinite for a score of 1.
      normalized_elo: (score - 1/2) in standard deviations of a game, times 800 / ln 10, as fastchess
        prints it; None if all pairs gave the same points.
      normalized_elo_margin_95: half its 95 % interval, the spread taken as known; None likewise.
      superiority: likelihood that the first player is the stronger one (LOS), 0..1.
      draw_ratio: share of the pairs that were level, 0..1.
    """

    pentanomial: Pentanomial
    score: float
    score_standard_error: float | None
    elo: float
    elo_low_95: float
    elo_high_95: float
    normalized_elo: float | None
    normalized_elo_margin_95: float | None
    superiority: float
    draw_ratio: float


def elo_from_score(score: float) -> float:
    """Returns the Elo difference that makes a score expected: -400 log10(1 / score - 1).

    Args:
      score: expected share of the points, 0..1; the ends give -inf and inf.

    Raises:
      ValueError: the score is outside 0..1.
    """
    if not 0 <= score <= 1:
        raise ValueError(f"expected a score in 0..1, got {score}")
    if score in (0, 1):
        return math.inf if score else -math.inf
    return -400 * math.log10(1 / score - 1)


def score_from_elo(elo: float) -> float:
    """Returns the expected share of the points, 0..1, at an Elo difference."""
    return 1 / (1 + 10 ** (-elo / 400))


def count_pairs(pair_points: Iterable[float]) -> Pentanomial:
    """Counts pairs by the points of the first player.

    Args:
      pair_points: each 0, 0.5, 1, 1.5 or 2.

    Raises:
      ValueError: some pair has other points.
    """
    counts = [0] * 5
    for points in pair_points:
        if points not in (0, 0.5, 1, 1.5, 2):
            raise ValueError(f"expected 0, 0.5, 1, 1.5 or 2 points in a pair, got {points}")
        counts[int(2 * points)] += 1
    return (counts[0], counts[1], counts[2], counts[3], counts[4])


def paired_score(pentanomial: Pentanomial) -> PairedScore:
    """Returns score, Elo and error bars of paired games.

    The interval is Wilson's score interval with the number of coin tosses that would have the
    variance seen between pairs. In the middle it agrees with score ± 1.96 standard errors; near 0
    and 1 it stays inside the unit interval, so that a clean sweep still gives a finite lower end.

    Args:
      pentanomial: numbers of pairs with 0, 1/2, 1, 3/2, 2 points; at least one pair.

    Raises:
      ValueError: there are no pairs.

    Reference: E. B. Wilson, JASA 22 (1927) 209; effective sample size as in Kish, Survey Sampling;
    normalized Elo: M. Van den Bergh, "Normalized Elo" (2021).
    """
    pairs = sum(pentanomial)
    if pairs == 0:
        raise ValueError("expected at least one pair of games, got none")
    shares = (0.0, 0.25, 0.5, 0.75, 1.0)
    score = sum(n * share for n, share in zip(pentanomial, shares, strict=True)) / pairs
    squares = sum(n * (share - score) ** 2 for n, share in zip(pentanomial, shares, strict=True))
    variance = squares / (pairs - 1) if pairs > 1 else 0.0
    # Equal pairs show no spread, which is no proof of certainty: count each as one coin toss.
    tosses = pairs * score * (1 - score) / variance if variance else float(pairs)
    low, high = _wilson_interval(score, tosses)
    # The maximum-likelihood variance, as in the reference; that of a game is twice that of a pair.
    game_deviation = math.sqrt(2 * squares / pairs)
    return PairedScore(
        pentanomial=pentanomial,
        score=score,
        score_standard_error=math.sqrt(variance / pairs) if pairs > 1 else None,
        elo=elo_from_score(score),
        elo_low_95=elo_from_score(low),
        elo_high_95=elo_from_score(high),
        normalized_elo=(score - 0.5) / game_deviation * NORMALIZED if game_deviation else None,
        normalized_elo_margin_95=Z_95 * NORMALIZED / math.sqrt(2 * pairs) if game_deviation else None,
        superiority=_superiority(score, squares / pairs, pairs),
        draw_ratio=pentanomial[2] / pairs,
    )


def _superiority(score: float, variance: float, pairs: int) -> float:
    # Without a spread, the pairs are taken as coin tosses between equals: one won pair proves little.
    error = math.sqrt((variance or 0.25) / pairs)
    return 0.5 * (1 + math.erf((score - 0.5) / (error * math.sqrt(2))))


def _wilson_interval(share: float, tosses: float) -> tuple[float, float]:
    weight = Z_95**2 / tosses
    centre = (share + weight / 2) / (1 + weight)
    half = math.sqrt(weight * share * (1 - share) + weight**2 / 4) / (1 + weight)
    # Rounding must not leave 0..1, nor keep a sweep's open end from being exactly open.
    low = 0.0 if share == 0 else max(0.0, centre - half)
    high = 1.0 if share == 1 else min(1.0, centre + half)
    return low, high
