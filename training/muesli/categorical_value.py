"""Values as distributions over a fixed support, trained by cross-entropy (two-hot targets).

A value between two points of the support becomes the two weights whose expectation it is; one beyond the support
becomes the nearest end. Rewards of a game, -1, 0 or 1, are the support (-1, 0, 1) and so three classes.
"""

import chex
import jax
import jax.numpy as jnp
import numpy as np

REWARD_SUPPORT = np.array([-1.0, 0.0, 1.0], np.float32)


def two_hot(value: jax.Array, support: jax.Array) -> jax.Array:
    """Returns the weights on the two neighbours of a value.

    Args:
      value: `[...]`; clipped to the ends of the support.
      support: `[V]`, ascending, equally spaced.

    Returns:
      `[..., V]`, sums to 1 and has the expectation `value`.
    """
    chex.assert_rank(support, 1)
    spacing = support[1] - support[0]
    clipped = jnp.clip(value, support[0], support[-1])[..., None]
    points = support.reshape((1,) * value.ndim + support.shape)
    return jnp.maximum(1.0 - jnp.abs(clipped - points) / spacing, 0.0)


def expected_value(logits: jax.Array, support: jax.Array) -> jax.Array:
    """Returns the expectation `[...]` of the distribution with logits `[..., V]` over the support `[V]`."""
    chex.assert_axis_dimension(logits, -1, support.shape[0])
    return jax.nn.softmax(logits, axis=-1) @ support


def categorical_loss(logits: jax.Array, value: jax.Array, support: jax.Array) -> jax.Array:
    """Returns the cross-entropy to the two-hot target.

    Args:
      logits: `[..., V]`.
      value: `[...]`.
      support: `[V]`.

    Returns:
      `[...]`, nats.
    """
    chex.assert_equal_shape_prefix([logits, value], value.ndim)
    return -jnp.sum(two_hot(value, support) * jax.nn.log_softmax(logits, axis=-1), axis=-1)
