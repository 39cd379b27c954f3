"""Regret: the expected score that a chosen move gives away, by the values of all legal moves."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.reporting.sampling_error import MeanEstimate, estimate_mean

BLUNDER_REGRET = 0.2  # a move that gives away more of the expected score counts as losing


@dataclass(frozen=True, kw_only=True)
class RegretReport:
    """Holds means over positions, each with its standard error.

    Every position counts as one independent sample, also where several come from one game: packed sets do not keep
    the games. Positions of one game are alike, so the true error of such a set is somewhat larger.

    Attributes:
      regret: of max(w) - w[chosen move], in expected score, 0..1.
      blunders: share of positions in which the regret exceeds 0.2.
      top1: share of positions in which w[chosen move] equals max(w).
    """

    regret: MeanEstimate
    blunders: MeanEstimate
    top1: MeanEstimate


def move_regret(values: npt.ArrayLike, chosen: npt.ArrayLike, is_move: npt.ArrayLike = True) -> np.ndarray:
    """Returns max(w) - w[chosen move] of each position.

    Args:
      values: `[..., L]`, expected scores w in [0, 1] of the legal moves for the side to move.
      chosen: integers `[...]`, places of the chosen moves.
      is_move: bool `[..., L]`, False at padding.

    Returns:
      `[...]`, 0..1.
    """
    scores, places = np.asarray(values), np.asarray(chosen)
    best = np.max(scores, axis=-1, where=np.asarray(is_move), initial=0.0)
    return np.asarray(best - np.take_along_axis(scores, places[..., None], axis=-1)[..., 0])


def report_regret(regrets: Sequence[float] | np.ndarray) -> RegretReport:
    """Returns the figures of regrets `[n]`, of at least one position."""
    samples = np.asarray(regrets, np.float64)
    return RegretReport(
        regret=estimate_mean(samples.tolist()),
        blunders=estimate_mean((samples > BLUNDER_REGRET).astype(np.float64).tolist()),
        top1=estimate_mean((samples == 0).astype(np.float64).tolist()),
    )
