"""Gates a residual connection as GTrXL does, in the style of a GRU (Parisotto et al. 2019, eq. 5-8).

    r = sigmoid(W_r y + U_r x)        u = sigmoid(W_u y + U_u x - b_g)
    h = tanh(W_h y + U_h (r * x))     out = (1 - u) * x + u * h

x is the stream, y the sublayer's output. At a fixed point the gate does not matter (x = h wherever u > 0); on the way
there it is a learned damping, and tanh bounds the state. A large b_g only slows the iteration.
"""

from collections.abc import Callable

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn

from engine.network.products import Product, Projection

Gate = Callable[[jax.Array, jax.Array], jax.Array]


class _ChannelWeight(nn.Module):
    """Multiplies by a diagonal matrix."""

    start: float

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        weight = self.param("weight", nn.initializers.constant(self.start), (x.shape[-1],))
        return x * _beside(weight, x)


def _beside(channels: jax.Array, x: jax.Array) -> jax.Array:
    """Returns `[D]` with the rank of x `[..., D]`."""
    return channels.reshape((1,) * (x.ndim - 1) + channels.shape)


class GtrxlGate(nn.Module):
    """Gates a residual with full (`dense`) or diagonal matrices.

    Attributes:
      dense: full matrices W and U, as in the paper; else one weight a channel.
      bias: b_g, at least 0.
      product: of the full matrices.
    """

    dense: bool
    bias: float
    product: Product

    @nn.compact
    def __call__(self, x: jax.Array, y: jax.Array) -> jax.Array:
        """Gates a residual.

        Args:
          x: stream `[..., D]`.
          y: sublayer output, same shape.

        Returns:
          New stream, same shape.
        """
        chex.assert_equal_shape([x, y])

        def linear(name: str, value: jax.Array, start: float) -> jax.Array:
            if self.dense:
                return Projection(value.shape[-1], self.product, name=name)(value)
            return _ChannelWeight(start, name=name)(value)

        bias = self.param("update_bias", nn.initializers.constant(self.bias), (x.shape[-1],))
        reset = nn.sigmoid(linear("reset_y", y, 0.0) + linear("reset_x", x, 0.0))
        update = nn.sigmoid(linear("update_y", y, 0.0) + linear("update_x", x, 0.0) - _beside(bias, x))
        # The reset gate opens at one half, so 2 * r passes x unchanged at the start.
        candidate = jnp.tanh(linear("candidate_y", y, 1.0) + linear("candidate_x", 2 * reset * x, 1.0))
        return (1 - update) * x + update * candidate
