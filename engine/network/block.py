"""The blocks that a network repeats: attention and feed-forward with gated or plain residuals."""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn

from engine.network.attention import MASKED, SelfAttention
from engine.network.gtrxl_gate import Gate, GtrxlGate
from engine.network.network_config import NetworkConfig
from engine.network.products import MakeProjection, Product, Projection


class Injection(NamedTuple):
    """Holds the board as every iteration sees it; computed once, constant during the iteration."""

    tokens: jax.Array  # [B, N, D] float32
    attention_bias: jax.Array  # [B, H, N, N] float32, with the mask of empty slots
    coordinates: jax.Array | None = None  # [B, N, 2] float32, rank and file 0..7; of the cores that ask for them

    def is_used(self) -> jax.Array:
        """Returns 1 at tokens that are pieces or squares and 0 at empty slots, float32 `[B, N]`."""
        return (self.attention_bias[:, 0, 0] > 0.5 * MASKED).astype(jnp.float32)


class FeedForward(nn.Module):
    """Applies two projections around a squared ReLU to each token (So et al. 2021, "Primer").

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


class PreNormBlock(nn.Module):
    """Returns `z + sublayer(norm(z))` for attention, then feed-forward (Xiong et al. 2020).

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
    """Returns `norm(z + sublayer(z))` for attention, then feed-forward (Vaswani et al. 2017).

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


class Block(nn.Module):
    """Applies attention and feed-forward, each gated into the stream and followed by a norm.

    The norm comes after the residual: it bounds the iterates, without which repeating a block diverges.

    Attributes:
      config: the network's.
      product: of all projections.
    """

    config: NetworkConfig
    product: Product

    @nn.compact
    def __call__(self, z: jax.Array, injection: Injection) -> jax.Array:
        """Maps the state `[B, N, D]` to the next `[B, N, D]`."""
        chex.assert_equal_shape([z, injection.tokens])
        z = nn.RMSNorm(name="norm_in")(z + injection.tokens)
        mixed = SelfAttention(self.config.heads, self.product, name="attention")(z, injection.attention_bias)
        z = nn.RMSNorm(name="norm_attention")(self._gate("gate_attention")(z, mixed))
        mapped = FeedForward(self.config.hidden_width, self.product, name="feed_forward")(z)
        return nn.RMSNorm(name="norm_feed_forward")(self._gate("gate_feed_forward")(z, mapped))

    def _gate(self, name: str) -> Gate:
        if self.config.gate == "none":
            return lambda x, y: x + y
        is_dense = self.config.gate == "dense"
        return GtrxlGate(is_dense, self.config.gate_bias, self.product, name=name)


class Blocks(nn.Module):
    """Applies `config.blocks` different blocks one after the other: f.

    Attributes:
      config: the network's.
      product: of all projections.
    """

    config: NetworkConfig
    product: Product

    @nn.compact
    def __call__(self, z: jax.Array, injection: Injection) -> jax.Array:
        """Maps the state `[B, N, D]` to the next `[B, N, D]`."""
        for index in range(self.config.blocks):
            z = Block(self.config, self.product, name=f"block_{index}")(z, injection)
        return z
