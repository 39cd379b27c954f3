"""Transformer blocks with plain residuals: norm before the sublayer, or after it."""

import jax
from flax import linen as nn

from engine.network.attention import SelfAttention
from engine.network.feed_forward import FeedForward
from engine.network.network_config import NetworkConfig
from engine.network.products import MakeProjection, Product, Projection


class PreNormBlock(nn.Module):
    """`z + sublayer(norm(z))` for attention, then feed-forward (Xiong et al. 2020).

    Attributes:
      config: the network's.
      product: of all projections.
      projection: makes them.
    """

    config: NetworkConfig
    product: Product
    projection: MakeProjection = Projection

    @nn.compact
    def __call__(self, z: jax.Array, bias: jax.Array) -> jax.Array:
        """Maps the state `[B, N, D]` to the next, attending with a bias `[B, H, N, N]`."""
        attention = SelfAttention(self.config.heads, self.product, self.projection, name="attention")
        z += attention(nn.RMSNorm(name="norm_attention")(z), bias)
        feed_forward = FeedForward(self.config.hidden_width, self.product, self.projection, name="feed_forward")
        return z + feed_forward(nn.RMSNorm(name="norm_feed_forward")(z))


class PostNormBlock(nn.Module):
    """`norm(z + sublayer(z))` for attention, then feed-forward (Vaswani et al. 2017).

    Attributes:
      config: the network's.
      product: of all projections.
    """

    config: NetworkConfig
    product: Product

    @nn.compact
    def __call__(self, z: jax.Array, bias: jax.Array) -> jax.Array:
        """Maps the state `[B, N, D]` to the next, attending with a bias `[B, H, N, N]`."""
        mixed = SelfAttention(self.config.heads, self.product, name="attention")(z, bias)
        z = nn.RMSNorm(name="norm_attention")(z + mixed)
        mapped = FeedForward(self.config.hidden_width, self.product, name="feed_forward")(z)
        return nn.RMSNorm(name="norm_feed_forward")(z + mapped)
