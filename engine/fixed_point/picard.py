"""Picard iteration: z <- (1 - d) z + d f(z), damped by d. Robust; its rate is that of f."""

from typing import NamedTuple

import jax

from engine.fixed_point.solver_config import SolverConfig


class PicardState(NamedTuple):
    """Picard iteration remembers nothing."""


def init(z0: jax.Array, config: SolverConfig) -> PicardState:
    """Returns the empty state; z0 is `[B, N]`."""
    del z0, config
    return PicardState()


def step(
    state: PicardState, z: jax.Array, image: jax.Array, count: jax.Array, config: SolverConfig
) -> tuple[jax.Array, PicardState]:
    """Returns the next iterate `[B, N]`.

    Args:
      state: the empty state.
      z: current iterate `[B, N]`.
      image: f(z), `[B, N]`.
      count: steps taken before this one, scalar int32; not used.
      config: `damping` is used.
    """
    del count
    if config.damping == 1.0:  # Exactly f(z), free of the rounding of z + (f(z) - z).
        return image, state
    return z + config.damping * (image - z), state
