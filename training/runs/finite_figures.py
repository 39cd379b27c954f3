"""Figures of a step brought to the host, and the end of a run whose figures are no longer numbers."""

import math
from collections.abc import Mapping

import jax


class DivergedError(ValueError):
    """The loss or the gradient is no longer a number; the text is one line."""


def finite_figures(step: int, metrics: Mapping[str, jax.Array]) -> dict[str, float]:
    """Returns the figures as floats.

    Raises:
      DivergedError: loss or gradient norm is not finite.
    """
    figures = {name: float(value) for name, value in jax.device_get(dict(metrics)).items()}
    for name in ("loss", "gradient_norm"):
        if not math.isfinite(figures[name]):
            raise DivergedError(
                f"expected a finite {name}, got {figures[name]} at step {step}; nothing was saved since the last "
                "checkpoint, go on from it with a lower learning rate"
            )
    return figures
