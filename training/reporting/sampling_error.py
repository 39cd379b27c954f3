"""Estimates means with their standard errors over independent samples."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class MeanEstimate:
    """A sample mean with its standard error.

    Attributes:
      mean: the sample mean.
      standard_error: sample standard deviation / sqrt(n); None for a single sample, which says
        nothing about the spread.
      n: number of samples.
    """

    mean: float
    standard_error: float | None
    n: int


def estimate_mean(samples: Sequence[float]) -> MeanEstimate:
    """Returns the mean of independent samples with its standard error (n - 1 in the variance).

    Args:
      samples: at least one number; shares are means of 0 and 1.

    Raises:
      ValueError: there are no samples.
    """
    n = len(samples)
    if n == 0:
        raise ValueError("expected at least one sample for a mean, got none")
    mean = math.fsum(samples) / n
    if n == 1:
        return MeanEstimate(mean=mean, standard_error=None, n=1)
    variance = math.fsum((sample - mean) ** 2 for sample in samples) / (n - 1)
    return MeanEstimate(mean=mean, standard_error=math.sqrt(variance / n), n=n)
