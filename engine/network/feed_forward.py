"""The token-wise part of a block: linear, squared ReLU, linear (So et al. 2021, "Primer")."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from engine.network.products import MakeProjection, Product, Projection


class FeedForward(nn.Module):
    """Two projections around a squared ReLU.

    Attributes:
      hidden_width: width between them.
      product: of both.
      projection: makes them.
    """

    hidden_width: int
    product: Product
    projection: MakeProjection = Projection

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps `[..., D]` to `[..., D]`."""
        hidden = self.projection(self.hidden_width, self.product, name="hidden")(x)
        return self.projection(x.shape[-1], self.product, name="output")(jnp.square(nn.relu(hidden)))
