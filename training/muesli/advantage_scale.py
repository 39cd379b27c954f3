"""The scale of advantages: the root of a bias-corrected running mean of their squares, not centred.

    m <- b m + (1 - b) mean(adv^2)    p <- b p    sigma = max(sqrt(m / (1 - p)), floor)

Hessel et al. 2021, section 4.5. A centred variance would hide that all advantages of a batch may have one sign. The
floor keeps the noise of positions whose result is certain from being blown up to the clip.
"""

import chex
import jax
import jax.numpy as jnp
from flax import struct


class AdvantageScale(struct.PyTreeNode):
    """The running mean."""

    second_moment: jax.Array  # [] float32, m
    decay_product: jax.Array  # [] float32, p, the weight of the start at 0


def initial_scale() -> AdvantageScale:
    """Returns the scale before the first batch."""
    return AdvantageScale(second_moment=jnp.float32(0), decay_product=jnp.float32(1))


def updated_scale(scale: AdvantageScale, advantage: jax.Array, weight: jax.Array, decay: float) -> AdvantageScale:
    """Returns the scale after a batch.

    Args:
      scale: before it.
      advantage: `[...]`.
      weight: `[...]`, 0 for entries that do not count; not all are 0.
      decay: b, in [0, 1).
    """
    chex.assert_equal_shape([advantage, weight])
    mean = jnp.sum(weight * jnp.square(advantage)) / jnp.sum(weight)
    return AdvantageScale(
        second_moment=decay * scale.second_moment + (1.0 - decay) * mean, decay_product=decay * scale.decay_product
    )


def sigma(scale: AdvantageScale, floor: float) -> jax.Array:
    """Returns the divisor of advantages, scalar, at least `floor`; defined after the first batch."""
    return jnp.maximum(jnp.sqrt(scale.second_moment / (1.0 - scale.decay_product)), floor)
