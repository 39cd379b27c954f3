"""ASURA: tied blocks with an input projection, norms and adapters of each iteration's own (Gupta 2025).

The blocks keep this network's squared ReLU in place of GELU, and the geometry in the attention bias in place of rotary
embeddings, so that cores differ in their recursion only.
"""

import functools
from typing import Any, cast

import jax
import jax.numpy as jnp
from flax import linen as nn

from engine.network.block import Injection
from engine.network.cores.abba_adapter import AdaptedProjection
from engine.network.cores.core_configs import AsuraConfig
from engine.network.cores.plain_blocks import PreNormBlock
from engine.network.cores.unrolled_core import Begun, Iterated, UnrolledCore
from engine.network.network_config import NetworkConfig
from engine.network.products import Product, Projection


class AsuraIteration(nn.Module):
    """ProjConcat, then the tied blocks.

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
