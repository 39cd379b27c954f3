"""The sequential probability ratio test of a match: stop as soon as the pairs have decided.

The log-likelihood ratio is the generalised one of the pentanomial model: under each hypothesis the
five outcomes of a pair have the most likely probabilities whose mean score is that of its Elo.

Reference: A. Wald, Ann. Math. Stat. 16 (1945) 117; M. Van den Bergh, "Comments on the generalized
likelihood ratio test" (2019), proposition 1.1; the ratio that fastchess prints for `model=logistic`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from training.evaluation.elo import Pentanomial, score_from_elo
from training.evaluation.evaluation_error import EvaluationError

Verdict = Literal["accepted", "rejected"]

_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
# An outcome that has not come yet gets this count, as in fastchess: it has no logarithm otherwise.
_UNSEEN = 1e-3


@dataclass(frozen=True, kw_only=True)
class Sprt:
    """Tests that the first player is `elo1` better against that it is `elo0` better.

    Attributes:
      elo0: the null hypothesis.
      elo1: the alternative, greater than `elo0`.
      alpha: chance to accept `elo1` when `elo0` is true.
      beta: chance to reject `elo1` when it is true.
    """

    elo0: float
    elo1: float
    alpha: float = 0.05
    beta: float = 0.05

    def __post_init__(self) -> None:
        if not -1000 <= self.elo0 < self.elo1 <= 1000:
            raise EvaluationError(f"expected elo0 below elo1 for the test, within ±1000, got {self}")
        if not (0 < self.alpha < 0.5 and 0 < self.beta < 0.5):
            raise EvaluationError(f"expected error rates alpha and beta between 0 and 0.5, got {self}")

    @property
    def bounds(self) -> tuple[float, float]:
        """The log-likelihood ratios at which the test ends: rejected, accepted."""
        return math.log(self.beta / (1 - self.alpha)), math.log((1 - self.beta) / self.alpha)

    def verdict(self, ratio: float) -> Verdict | None:
        """Returns how the test has ended at a log-likelihood ratio, None while it goes on."""
        low, high = self.bounds
        if ratio >= high:
            return "accepted"
        return "rejected" if ratio <= low else None


def parse_sprt(text: str) -> Sprt:
    """Reads ELO0:ELO1 or ELO0:ELO1:ALPHA:BETA.

    Raises:
      EvaluationError: the text is not that, or the numbers make no test.
    """
    try:
        numbers = [float(word) for word in text.split(":")]
    except ValueError:
        numbers = []
    if len(numbers) not in (2, 4) or not all(map(math.isfinite, numbers)):
        raise EvaluationError(f"expected --sprt as ELO0:ELO1[:ALPHA:BETA], such as 0:10:0.05:0.05, got {text!r}")
    if len(numbers) == 2:
        return Sprt(elo0=numbers[0], elo1=numbers[1])
    return Sprt(elo0=numbers[0], elo1=numbers[1], alpha=numbers[2], beta=numbers[3])


def log_likelihood_ratio(pentanomial: Pentanomial, sprt: Sprt) -> float:
    """Returns how much likelier `elo1` makes the pairs than `elo0`, as a natural logarithm.

    Args:
      pentanomial: numbers of pairs with 0, 1/2, 1, 3/2, 2 points; without pairs the ratio is 0.
      sprt: the two hypotheses.
    """
    if not any(pentanomial):
        return 0.0
    counts = [count or _UNSEEN for count in pentanomial]
    total = sum(counts)
    observed = [count / total for count in counts]
    null = _likeliest(observed, score_from_elo(sprt.elo0))
    alternative = _likeliest(observed, score_from_elo(sprt.elo1))
    return sum(
        count * (math.log(one) - math.log(zero)) for count, one, zero in zip(counts, alternative, null, strict=True)
    )


def _likeliest(observed: Sequence[float], mean: float) -> list[float]:
    """Returns the probabilities p likeliest to give the observed shares, with sum p_i a_i = mean.

    They are observed_i / (1 + theta (a_i - mean)); theta is the root of a decreasing function.
    """
    low, high = -1 / (1 - mean), 1 / mean
    for _ in range(200):
        theta = (low + high) / 2
        if theta in (low, high):
            break
        slope = sum(p * (a - mean) / (1 + theta * (a - mean)) for p, a in zip(observed, _SHARES, strict=True))
        low, high = (theta, high) if slope > 0 else (low, theta)
    return [p / (1 + theta * (a - mean)) for p, a in zip(observed, _SHARES, strict=True)]
