"""Implements ASURA: tied blocks with an input projection, norms and adapters of each iteration's own (Gupta 2025).

The blocks keep this network's squared ReLU in place of GELU, and the geometry in the attention bias in place of rotary
embeddings, so that cores differ in their recursion only.

An adapter of a shared kernel is the elementwise product of two low-rank matrices (Singhal et al. 2025, "ABBA"). It is
applied through the row-wise Khatri-Rao products of the factors,

    (B1 A1) * (B2 A2) = (B1 kr B2) (A1^T kr A2^T)^T,

so the matrix itself, as large as the kernel, is never formed. The paper starts from the singular vectors of trained
weights; here B1, and with it the adapter, starts at zero, and the other factors at random.
"""

import functools
from typing import Any, cast

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn

from engine.network.block import Injection, PreNormBlock
from engine.network.cores.core_configs import AsuraConfig
from engine.network.cores.unrolled_core import Begun, Iterated, UnrolledCore
from engine.network.network_config import NetworkConfig
from engine.network.products import Product, Projection


def khatri_rao(left: jax.Array, right: jax.Array) -> jax.Array:
    """Returns all products of the entries of each row: `[n, r]` and `[n, s]` to `[n, r * s]`."""
    chex.assert_equal_shape_prefix([left, right], 1)
    return (left[:, :, None] * right[:, None, :]).reshape(left.shape[0], -1)


class AbbaAdapter(nn.Module):
    """Adds to a linear map of `[..., in]` to `[..., features]` a matrix of rank up to `rank` squared.

    Attributes:
      features: output width.
      rank: of both factors.
    """

    features: int
    rank: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps `[..., in]` to `[..., features]` in float32."""

        def factor(name: str, width: int, start: jax.nn.initializers.Initializer) -> jax.Array:
            return self.param(name, start, (width, self.rank), jnp.float32)

        # A is used transposed, `[in, rank]`; both products of random factors have variance 1 / in.
        down = nn.initializers.normal(x.shape[-1] ** -0.25)
        a1, a2 = factor("a1", x.shape[-1], down), factor("a2", x.shape[-1], down)
        b1 = factor("b1", self.features, nn.initializers.zeros)
        b2 = factor("b2", self.features, nn.initializers.normal(1.0))
        return (x @ khatri_rao(a1, a2)) @ khatri_rao(b1, b2).T / self.rank


class AdaptedProjection(nn.Module):
    """Projects with a shared kernel and an adapter that belongs to the iteration.

    Attributes:
      features: output width.
      product: how the kernel is stored and applied; the adapter stays float32.
      rank: of the adapter's factors.
    """

    features: int
    product: Product
    rank: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps `[..., in]` to `[..., features]`."""
        kernel = self.param("kernel", self.product.kernel_init, (x.shape[-1], self.features))
        return self.product.apply(x, kernel) + AbbaAdapter(self.features, self.rank, name="own_adapter")(x)


class AsuraIteration(nn.Module):
    """Applies ProjConcat, then the tied blocks.

    Attributes:
      config: the network's.
      product: of all projections.
    """

    config: NetworkConfig
    product: Product

    @nn.compact
    def __call__(self, z: jax.Array, memory: Any, injection: Injection, index: jax.Array) -> Iterated:
        """Maps the state `[B, N, D]` to the next."""
        del memory, index
        core, x = cast(AsuraConfig, self.config.core), injection.tokens
        if core.projection:
            y = Projection(x.shape[-1], self.product, name="own_projection")(jnp.concatenate([z, x], axis=-1))
        else:
            y = z + x
        # One module for all blocks: its scale and bias belong to the iteration, not to the block.
        norm = nn.LayerNorm(name="own_block_norm") if core.block_norms else lambda y: y
        projection: Any = Projection
        if core.adapter_rank:
            projection = functools.partial(AdaptedProjection, rank=core.adapter_rank)
        for block in range(self.config.blocks):
            module = PreNormBlock(self.config, self.product, projection, name=f"block_{block}")
            y = norm(module(y, injection.attention_bias))
        return Iterated(nn.LayerNorm(name="own_iteration_norm")(y) if core.iteration_norms else y)


class AsuraCore(UnrolledCore):
    """Repeats the blocks as often as there are input projections, norms and adapters."""

    def setup(self) -> None:
        """Creates the norm of the embedded board."""
        self.norm_in = nn.LayerNorm()

    def iteration(self) -> nn.Module:
        """Returns the module of one iteration."""
        return AsuraIteration(self.config, self.product, parent=None)

    def begin(self, injection: Injection) -> Begun:
        """Returns the injected tokens, normalised."""
        return Begun(self.norm_in(injection.tokens))
