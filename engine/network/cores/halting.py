"""Implements adaptive computation time: a token ends when its halting probabilities add up to 1 (Graves 2016, eq. 5-9).

A token that has ended keeps its state, which others may still attend to; a board has ended when all its tokens have.
The output is the mean of a token's states, each weighted with the probability of ending there; the last one gets the
remainder.
"""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp


class Halting(NamedTuple):
    """Holds the progress of each token; floats only."""

    total: jax.Array  # [B, N] probability of having ended, 1 at empty slots
    mean: jax.Array  # [B, N, D] states so far times the probabilities of ending there
    ponder: jax.Array  # [B, N] iterations made, and the probability left for the last one


def begin_halting(tokens: jax.Array, is_used: jax.Array) -> Halting:
    """Returns the halting before any iteration.

    Args:
      tokens: `[B, N, D]`, for their shape.
      is_used: `[B, N]` of 0 and 1; tokens that are not used have ended.
    """
    chex.assert_equal_shape_prefix([tokens, is_used], 2)
    return Halting(1 - is_used, jnp.zeros_like(tokens), jnp.zeros_like(is_used))


def running(halting: Halting) -> jax.Array:
    """Returns which tokens have not ended: float32 `[B, N]` of 0 and 1."""
    return (halting.total < 1).astype(jnp.float32)


def advance_halting(halting: Halting, z: jax.Array, probability: jax.Array, threshold: float) -> Halting:
    """Returns the halting after an iteration.

    Args:
      halting: before it.
      z: states after it `[B, N, D]`; those of tokens that have ended are ignored.
      probability: of ending here `[B, N]`, in (0, 1).
      threshold: total that counts as certain.
    """
    chex.assert_equal_shape([halting.total, probability])
    is_running = running(halting)
    ends = is_running * (halting.total + probability >= threshold)
    left = 1 - halting.total
    weight = ends * left + (is_running - ends) * probability
    return Halting(
        # Exactly 1 where a token ends: rounding must not let it go on.
        jnp.where(ends > 0, 1.0, halting.total + weight),
        halting.mean + weight[..., None] * z,
        halting.ponder + is_running + ends * left,
    )


def finish_halting(halting: Halting, z: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns the output of the tokens `[B, N, D]`, and the cost of each `[B, N]`.

    Args:
      halting: after the last iteration.
      z: last states `[B, N, D]`.
    """
    left = 1 - halting.total
    return halting.mean + left[..., None] * z, halting.ponder + left
