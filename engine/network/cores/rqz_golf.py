"""Implements RQZ-Golf v1: an encoder, tied blocks K times, and a decoder with skips from the encoder.

    x <- x + 1 / sqrt(K) * Block(x + psi_k, x0)

Block contains its own residual, so x grows with the iterations; the last norm undoes that. Played with more
iterations than K, psi stays that of the last one and the scale that of K.
"""

from typing import Any, cast

import jax
from flax import linen as nn

from engine.network.block import Injection, PreNormBlock
from engine.network.cores.core_configs import RqzGolfConfig
from engine.network.cores.unrolled_core import Begun, Iterated, UnrolledCore
from engine.network.network_config import NetworkConfig
from engine.network.products import Product


class MixedBlock(nn.Module):
    """Applies a pre-norm block whose input is a learned mixture of the state and the board, per channel.

    Attributes:
      config: the network's.
      product: of all projections.
    """

    config: NetworkConfig
    product: Product

    @nn.compact
    def __call__(self, z: jax.Array, injection: Injection) -> jax.Array:
        """Maps the state `[B, N, D]` to the next."""
        width = z.shape[-1]
        of_state = self.param("mix_state", nn.initializers.ones, (width,))[None, None]
        of_board = self.param("mix_board", nn.initializers.zeros, (width,))[None, None]
        mixed = of_state * z + of_board * injection.tokens
        return PreNormBlock(self.config, self.product, name="block")(mixed, injection.attention_bias)


class RqzGolfIteration(nn.Module):
    """Applies the tied blocks once.

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
        core = cast(RqzGolfConfig, self.config.core)
        added = z
        if core.iteration_embedding:
            added += self.param("own_embedding", nn.initializers.normal(0.02), (z.shape[-1],))[None, None]
        for block in range(self.config.blocks):
            added = MixedBlock(self.config, self.product, name=f"block_{block}")(added, injection)
        scale = core.iterations**-0.5 if core.scaling else 1.0
        return Iterated(z + scale * added)


class RqzGolfCore(UnrolledCore):
    """Applies encoder, recursion and decoder."""

    def setup(self) -> None:
        """Creates what is outside the recursion."""
        core = cast(RqzGolfConfig, self.config.core)
        self.encoder = [MixedBlock(self.config, self.product) for _ in range(core.encoder_blocks)]
        self.decoder = [MixedBlock(self.config, self.product) for _ in range(core.decoder_blocks)]
        self.norm_out = nn.RMSNorm()
        count = min(core.encoder_blocks, core.decoder_blocks) if core.skips else 0
        shape = (self.config.width,)
        self.skip_weights = [self.param(f"skip_{i}", nn.initializers.ones, shape)[None, None] for i in range(count)]

    def iteration(self) -> nn.Module:
        """Returns the module of one iteration."""
        return RqzGolfIteration(self.config, self.product, parent=None)

    def begin(self, injection: Injection) -> Begun:
        """Returns the encoded board; its intermediate states are kept for the decoder."""
        z, skips = injection.tokens, []
        for block in self.encoder:
            z = block(z, injection)
            skips.append(z)
        return Begun(z, (), (skips, injection))

    def finish(self, z: jax.Array, memory: Any, aside: Any) -> jax.Array:
        """Returns the decoded state."""
        del memory
        skips, injection = aside
        for index, block in enumerate(self.decoder):
            if index < len(self.skip_weights):
                z += self.skip_weights[index] * skips[-1 - index]
            z = block(z, injection)
        return self.norm_out(z)
