"""Implements the block of the parameter-golf recurrent transformer, and the mechanisms inside it.

* Grouped attention: keys and values are shared by groups of heads (Ainslie et al. 2023), rotated by rank and file.
* Routed feed-forward: experts chosen by the direction of a token. Each owns a direction; a token's weights are the
  softmax of its scaled cosines with them. All experts are computed, and they divide the hidden width among them, so
  their number does not change the cost.
* Spectral start: kernels start with all singular values equal, at the size that keeps the scale of features: the
  spectral norm is sqrt(out / in) (Yang, Simon & Bernstein 2023, "A Spectral Condition for Feature Learning").
"""

from typing import cast

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn

from engine.network.attention import attend, merge_heads, split_heads
from engine.network.block import FeedForward, Injection
from engine.network.cores.core_configs import GolfRecurrentConfig
from engine.network.network_config import NetworkConfig
from engine.network.products import Product, Projection, float_kernel

_ORTHOGONAL = nn.initializers.orthogonal()
_SLOWEST = 0.1  # radians a square of the slowest pair of channels; the fastest turns 1


def spectral_kernel(key: jax.Array, shape: tuple[int, int]) -> jax.Array:
    """Returns a float32 kernel `[in, out]` all of whose singular values are sqrt(out / in)."""
    return _ORTHOGONAL(key, shape, jnp.float32) * (shape[1] / shape[0]) ** 0.5


def spectral_product(product: Product, gain: float = 1.0) -> Product:
    """Returns a product whose float kernels start spectrally; kernels in serving form come from a checkpoint.

    Args:
      product: of the network.
      gain: factor of the singular values.
    """
    if product.kernel_init is not float_kernel:
        return product
    return product._replace(kernel_init=lambda key, shape: gain * spectral_kernel(key, shape))


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
    """Lets the tokens attend to each other.

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


class RoutedFeedForward(nn.Module):
    """Sums feed-forward experts, weighted by token.

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


class GolfBlock(nn.Module):
    """Applies attention and feed-forward, with the pass's own weights at each residual.

    Attributes:
      config: the network's.
      product: of all projections.
    """

    config: NetworkConfig
    product: Product

    @nn.compact
    def __call__(self, z: jax.Array, injection: Injection) -> jax.Array:
        """Maps the state `[B, N, D]` to the next."""
        core = cast(GolfRecurrentConfig, self.config.core)
        z = self._weight("own_state", 1.0) * z + self._weight("own_board", 0.0) * injection.tokens
        attention = GroupedAttention(self.config.heads, core, self.product, name="attention")
        mixed = attention(nn.RMSNorm(name="norm_attention")(z), injection)
        z += self._weight("own_attention_scale", 1.0) * mixed
        mapped = self._feed_forward(core)(nn.RMSNorm(name="norm_feed_forward")(z))
        return z + self._weight("own_feed_forward_scale", 1.0) * mapped

    def _weight(self, name: str, start: float) -> jax.Array | float:
        if not cast(GolfRecurrentConfig, self.config.core).pass_controls:
            return start
        return self.param(name, nn.initializers.constant(start), (self.config.width,))[None, None]

    def _feed_forward(self, core: GolfRecurrentConfig) -> nn.Module:
        if core.experts > 1:
            return RoutedFeedForward(self.config.hidden_width, core.experts, self.product, name="feed_forward")
        return FeedForward(self.config.hidden_width, self.product, name="feed_forward")
