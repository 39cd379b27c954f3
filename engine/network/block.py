"""One application of f: the blocks whose repetition is the network."""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn

from engine.network.attention import MASKED, SelfAttention
from engine.network.feed_forward import FeedForward
from engine.network.gtrxl_gate import Gate, GtrxlGate
from engine.network.network_config import NetworkConfig
from engine.network.products import Product


class Injection(NamedTuple):
    """What every iteration sees of the board; computed once, constant during the iteration."""

    tokens: jax.Array  # [B, N, D] float32
    attention_bias: jax.Array  # [B, H, N, N] float32, with the mask of empty slots
    coordinates: jax.Array | None = None  # [B, N, 2] float32, rank and file 0..7; of the cores that ask for them

    def is_used(self) -> jax.Array:
        """Returns which tokens are men, or squares, and not empty slots: float32 `[B, N]` of 0 and 1."""
        return (self.attention_bias[:, 0, 0] > 0.5 * MASKED).astype(jnp.float32)


class Block(nn.Module):
    """Attention and feed-forward, each gated into the stream and followed by a norm.

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
    """The composition of `config.blocks` different blocks: f.

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
