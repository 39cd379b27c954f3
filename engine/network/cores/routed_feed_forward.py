"""Feed-forward experts chosen by the direction of a token: eigenspace routing.

Each expert owns a direction; a token's weights are the softmax of its scaled cosines with them. All experts are
computed, and they divide the hidden width among them, so their number does not change the cost.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from engine.network.feed_forward import FeedForward
from engine.network.products import Product


class RoutedFeedForward(nn.Module):
    """A weighted sum of feed-forward parts.

    Attributes:
      hidden_width: of all experts together.
      experts: E.
      product: of the projections.
    """

    hidden_width: int
    experts: int
    product: Product

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps `[B, N, D]` to `[B, N, D]`."""
        directions = self.param("directions", nn.initializers.orthogonal(), (x.shape[-1], self.experts))
        directions /= jnp.linalg.norm(directions, axis=0, keepdims=True)
        scale = self.param("routing_scale", nn.initializers.ones, (1,))[None, None]
        weights = nn.softmax(scale * (x @ directions), axis=-1)  # [B, N, E]
        width = self.hidden_width // self.experts
        parts = [FeedForward(width, self.product, name=f"expert_{expert}")(x) for expert in range(self.experts)]
        return jnp.einsum("bne,ebnd->bnd", weights, jnp.stack(parts))
