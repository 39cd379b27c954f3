"""Runs the sequential probability ratio test of a match, which stops as soon as the pairs have decided.

The log-likelihood ratio is the generalised one of the pentanomial model: under each hypothesis the
five outcomes of a pair have the most likely probabilities that its Elo allows. With the model
`logistic` the Elo fixes their mean score; with `normalized` it is normalized Elo and fixes the mean
score less 1/2 in standard deviations, so that the number of games does not depend on the book.

Reference: A. Wald, Ann. Math. Stat. 16 (1945) 117; M. Van den Bergh, "Comments on Normalized Elo"
(2021), proposition 1.1 and section 4.1; the ratios that fastchess prints for these models.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from training.evaluation.failures import EvaluationError
from training.evaluation.match.elo import NORMALIZED, Pentanomial, score_from_elo

Verdict = Literal["accepted", "rejected"]
SprtModel = Literal["logistic", "normalized"]

_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
# An outcome that has not come yet gets this count, as in fastchess: it has no logarithm otherwise.
_UNSEEN = 1e-3
# The normalized model's probabilities are found by iteration, which ends when none moves by more than this.
_PRECISION = 1e-10
_MOST_ROUNDS = 1000


@dataclass(frozen=True, kw_only=True)
class Sprt:
    """Tests the hypothesis that the first player is `elo1` better against the one that it is `elo0` better.

    Attributes:
      elo0: the null hypothesis.
      elo1: the alternative, greater than `elo0`.
      alpha: chance to accept `elo1` when `elo0` is true.
      beta: chance to reject `elo1` when it is true.
      model: what the Elo are, see the module.
    """

    elo0: float
    elo1: float
    alpha: float = 0.05
    beta: float = 0.05
    model: SprtModel = "logistic"

    def __post_init__(self) -> None:
        if not -1000 <= self.elo0 < self.elo1 <= 1000:
            raise EvaluationError(
                f"expected elo0 below elo1 for the test, within ±1000, got {self.elo0:g} and {self.elo1:g}"
            )
        if not (0 < self.alpha < 0.5 and 0 < self.beta < 0.5):
            raise EvaluationError(
                f"expected error rates alpha and beta between 0 and 0.5, got {self.alpha:g} and {self.beta:g}"
            )

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


def parse_sprt(text: str, model: SprtModel = "logistic") -> Sprt:
    """Reads ELO0:ELO1 or ELO0:ELO1:ALPHA:BETA.

    Args:
      text: as above.
      model: what the Elo are.

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
        return Sprt(elo0=numbers[0], elo1=numbers[1], model=model)
    return Sprt(elo0=numbers[0], elo1=numbers[1], alpha=numbers[2], beta=numbers[3], model=model)


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
    likeliest = _likeliest if sprt.model == "logistic" else _likeliest_normalized
    null, alternative = likeliest(observed, sprt.elo0), likeliest(observed, sprt.elo1)
    return sum(
        count * (math.log(one) - math.log(zero)) for count, one, zero in zip(counts, alternative, null, strict=True)
    )


def _likeliest(observed: Sequence[float], elo: float) -> list[float]:
    """Returns the probabilities likeliest to give the observed shares, with the mean score of an Elo."""
    mean = score_from_elo(elo)
    return _tilted(observed, [share - mean for share in _SHARES])


def _likeliest_normalized(observed: Sequence[float], normalized_elo: float) -> list[float]:
    """Returns the probabilities likeliest to give the observed shares, with the distance of a normalized Elo."""
    distance = math.sqrt(2) * normalized_elo / NORMALIZED  # in deviations of a pair, a game's being sqrt(2) times that
    probabilities = [1 / len(_SHARES)] * len(_SHARES)
    for _ in range(_MOST_ROUNDS):
        mean = sum(p * a for p, a in zip(probabilities, _SHARES, strict=True))
        deviation = math.sqrt(sum(p * (a - mean) ** 2 for p, a in zip(probabilities, _SHARES, strict=True)))
        slopes = [a - 0.5 - distance * deviation * (1 + ((a - mean) / deviation) ** 2) / 2 for a in _SHARES]
        previous, probabilities = probabilities, _tilted(observed, slopes)
        if max(abs(new - old) for new, old in zip(probabilities, previous, strict=True)) < _PRECISION:
            break
    return probabilities


def _tilted(observed: Sequence[float], slopes: Sequence[float]) -> list[float]:
    """Returns the probabilities p likeliest to give the observed shares, with sum p_i s_i = 0 for slopes s_i.

    They are observed_i / (1 + theta s_i); theta is the root of a decreasing function.

    Args:
      observed: shares above 0.
      slopes: of both signs.
    """
    low, high = -1 / max(slopes), -1 / min(slopes)
    for _ in range(200):
        theta = (low + high) / 2
        if theta in (low, high):
            break
        value = sum(p * s / (1 + theta * s) for p, s in zip(observed, slopes, strict=True))
        low, high = (theta, high) if value > 0 else (low, theta)
    return [p / (1 + theta * s) for p, s in zip(observed, slopes, strict=True)]
