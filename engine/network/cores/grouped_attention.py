"""Attention whose keys and values are shared by groups of heads (Ainslie et al. 2023), turned by rank and file."""

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn

from engine.network.attention import attend, merge_heads, split_heads
from engine.network.block import Injection
from engine.network.cores.core_configs import GolfRecurrentConfig
from engine.network.cores.spectral_init import spectral_product
from engine.network.products import Product, Projection

_SLOWEST = 0.1  # radians a square of the slowest pair of channels; the fastest turns 1


def rotated(x: jax.Array, coordinates: jax.Array) -> jax.Array:
    """Rotates pairs of channels by the rank, in the first half of a head, and by the file (Su et al. 2021).

    Products of rotated queries and keys depend on the difference of their coordinates only.

    Args:
      x: `[B, H, N, C]`, C a multiple of 4.
      coordinates: `[B, N, 2]`.

    Returns:
      Same shape as x.
    """
    chex.assert_rank([x, coordinates], [4, 3])
    pairs = x.shape[-1] // 4
    rates = _SLOWEST ** (jnp.arange(pairs, dtype=jnp.float32) / max(pairs - 1, 1))
    halves = []
    for axis, half in enumerate(jnp.split(x, 2, axis=-1)):
        angles = coordinates[:, None, :, axis, None] * rates[None, None, None]  # [B, 1, N, C / 4]
        left, right = jnp.split(half, 2, axis=-1)
        sine, cosine = jnp.sin(angles), jnp.cos(angles)
        halves += [left * cosine - right * sine, left * sine + right * cosine]
    return jnp.concatenate(halves, axis=-1)


class GroupedAttention(nn.Module):
    """Attention of the tokens to each other.

    Attributes:
      heads: H, of queries.
      core: which mechanisms are on.
      product: of the projections.
    """

    heads: int
    core: GolfRecurrentConfig
    product: Product

    @nn.compact
    def __call__(self, x: jax.Array, injection: Injection) -> jax.Array:
        """Mixes tokens `[B, N, D]`; sows the weights `[B, H, N, N]` as `intermediates/attention`."""
        width, shared = x.shape[-1], self.core.key_value_heads or self.heads
        kv_width = width // self.heads * shared
        query = split_heads(Projection(width, self.product, name="query")(x), self.heads)
        keyed = Projection(self.core.key_rank, self.product, name="key_down")(x) if self.core.key_rank else x
        key = split_heads(Projection(kv_width, self.product, name="key")(keyed), shared)
        values = Projection(kv_width, self.product, name="value")(x)
        if self.core.value_embedding:
            gain = self.param("value_gain", nn.initializers.zeros, (kv_width,))[None, None]
            values += gain * Projection(kv_width, self.product, name="value_embedding")(injection.tokens)
        value = split_heads(values, shared)
        if self.core.rotary:
            assert injection.coordinates is not None
            query, key = rotated(query, injection.coordinates), rotated(key, injection.coordinates)
        key, value = (jnp.repeat(each, self.heads // shared, axis=1) for each in (key, value))
        mixed, weights = attend(query, key, value, injection.attention_bias)
        self.sow("intermediates", "attention", weights)
        product = spectral_product(self.product, 0.1) if self.core.spectral_init else self.product
        return Projection(width, product, name="output")(merge_heads(mixed))
