"""Implements the universal transformer: tied blocks, a time embedding, halting by token (Dehghani et al. 2019).

The paper adds the position's embedding at every step, too; here the geometry of the board is in the attention bias,
which every iteration sees. Beyond the trained number of iterations the embedding of the time goes on as a sinusoid.
"""

from typing import Any, cast

import jax
import jax.numpy as jnp
from flax import linen as nn

from engine.network.block import Injection, PostNormBlock
from engine.network.cores.core_configs import UniversalConfig
from engine.network.cores.halting import Halting, advance_halting, begin_halting, finish_halting, running
from engine.network.cores.unrolled_core import Begun, Iterated, UnrolledCore
from engine.network.network_config import NetworkConfig
from engine.network.products import Product


def time_embedding(index: jax.Array, width: int) -> jax.Array:
    """Returns the sinusoidal embedding `[width]` of an iteration's number (Vaswani et al. 2017)."""
    rates = 10000.0 ** (-jnp.arange(0, width, 2, dtype=jnp.float32) / width)
    angles = index.astype(jnp.float32) * rates
    return jnp.concatenate([jnp.sin(angles), jnp.cos(angles)])[:width]


class UniversalIteration(nn.Module):
    """Applies the tied blocks once.

    Attributes:
      config: the network's.
      product: of all projections.
    """

    config: NetworkConfig
    product: Product

    @nn.compact
    def __call__(self, z: jax.Array, memory: Any, injection: Injection, index: jax.Array) -> Iterated:
        """Maps the state `[B, N, D]` to the next; tokens that have ended keep theirs."""
        core = cast(UniversalConfig, self.config.core)
        state = z + time_embedding(index, self.config.width)[None, None] if core.time_embedding else z
        for block in range(self.config.blocks):
            state = PostNormBlock(self.config, self.product, name=f"block_{block}")(state, injection.attention_bias)
        if not core.halting:
            return Iterated(state)
        halting = cast(Halting, memory)
        state = jnp.where(running(halting)[..., None] > 0, state, z)
        start = nn.initializers.constant(core.halting_bias)
        logit = nn.Dense(1, bias_init=start, name="halting")(state)[..., 0]
        halting = advance_halting(halting, state, nn.sigmoid(logit), core.threshold)
        return Iterated(state, halting, jnp.max(running(halting), axis=1))


class UniversalCore(UnrolledCore):
    """Repeats tied blocks until every token has ended, or the iterations are used up."""

    def iteration(self) -> nn.Module:
        """Returns the module of one iteration."""
        return UniversalIteration(self.config, self.product, parent=None)

    def begin(self, injection: Injection) -> Begun:
        """Returns the injected tokens, none of which has ended."""
        if not cast(UniversalConfig, self.config.core).halting:
            return Begun(injection.tokens)
        is_used = injection.is_used()
        return Begun(injection.tokens, begin_halting(injection.tokens, is_used), is_used)

    def finish(self, z: jax.Array, memory: Any, aside: Any) -> jax.Array:
        """Returns the expected state at the end; sows the cost of pondering as `losses/ponder`."""
        if not cast(UniversalConfig, self.config.core).halting:
            return z
        mean, ponder = finish_halting(cast(Halting, memory), z)
        self.sow("losses", "ponder", (jnp.sum(ponder * aside), jnp.sum(aside)))
        return mean
