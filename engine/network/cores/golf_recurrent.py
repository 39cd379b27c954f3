"""Implements the parameter-golf recurrent transformer: passes over the same blocks, each with small mechanisms.

docs/recursion.md compares each mechanism with its source; each has its switch in the settings.
"""

from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
from flax import linen as nn

from engine.network.block import Injection
from engine.network.cores.core_configs import GolfRecurrentConfig
from engine.network.cores.golf_block import GolfBlock, spectral_product
from engine.network.cores.halting import advance_halting, begin_halting, finish_halting, running
from engine.network.cores.pass_mechanisms import (
    Confidence,
    DifferenceRecurrence,
    GradientMemory,
    ResonantPosition,
    StateCarry,
)
from engine.network.cores.unrolled_core import Begun, Iterated, UnrolledCore
from engine.network.network_config import NetworkConfig
from engine.network.products import Product


class PassMemory(NamedTuple):
    """Holds the memory handed from pass to pass; `()` where a mechanism is off."""

    previous: Any  # [B, N, D] state before the last pass
    momentum: Any  # [B, N, D]
    carried: Any  # [B, D]
    confidence: Any  # [B, N] exit probability of the last pass
    correction: Any  # [B] mean squares of the difference recurrence, summed over passes
    halting: Any  # Halting


class GolfPass(nn.Module):
    """Makes one pass: the mechanisms that look back, the blocks, the exit gate.

    Attributes:
      config: the network's.
      product: of all projections.
    """

    config: NetworkConfig
    product: Product

    @nn.compact
    def __call__(self, z: jax.Array, memory: PassMemory, injection: Injection, index: jax.Array) -> Iterated:
        """Maps the state `[B, N, D]` to the next; tokens that have ended keep theirs."""
        core = cast(GolfRecurrentConfig, self.config.core)
        following, memory = self._look_back(core, z, memory, injection, index)
        product = spectral_product(self.product) if core.spectral_init else self.product
        first = following
        for block in range(self.config.blocks):
            if core.skips and 1 < block == self.config.blocks - 1:
                weight = self.param("own_skip", nn.initializers.ones, (self.config.width,))
                following += weight[None, None] * first
            following = GolfBlock(self.config, product, name=f"block_{block}")(following, injection)
            first = following if block == 0 else first
        if not (core.exit_gate or core.confidence):
            return Iterated(following, memory)
        start = nn.initializers.constant(core.exit_bias)
        logit = nn.Dense(1, bias_init=start, name="own_exit")(nn.RMSNorm(name="norm_exit")(following))[..., 0]
        probability = nn.sigmoid(logit)
        if core.confidence:
            memory = memory._replace(confidence=jax.lax.stop_gradient(probability))
        if not core.exit_gate:
            return Iterated(following, memory)
        following = jnp.where(running(memory.halting)[..., None] > 0, following, z)
        halting = advance_halting(memory.halting, following, probability, core.threshold)
        return Iterated(following, memory._replace(halting=halting), jnp.max(running(halting), axis=1))

    def _look_back(
        self, core: GolfRecurrentConfig, z: jax.Array, memory: PassMemory, injection: Injection, index: jax.Array
    ) -> tuple[jax.Array, PassMemory]:
        """Returns the state with the additions of earlier passes, and the memory for the next pass."""
        following = z
        if core.resonant_position:
            assert injection.coordinates is not None
            following = ResonantPosition(name="resonant_position")(following, injection.coordinates)
        if core.state_rank:
            carry = StateCarry(core.state_rank, name="state_carry")
            added, carried = carry(z, memory.carried, injection.is_used())
            following, memory = following + added, memory._replace(carried=carried)
        if core.confidence:
            following += Confidence(name="confidence")(z, memory.confidence)
        if not (core.gradient_memory or core.difference_rank):
            return following, memory
        change = jnp.where(index > 0, z - memory.previous, 0.0)
        if core.gradient_memory:
            added, momentum = GradientMemory(name="gradient_memory")(change, memory.momentum)
            following, memory = following + added, memory._replace(momentum=momentum)
        if core.difference_rank:
            added = DifferenceRecurrence(core.difference_rank, name="difference")(change)
            correction = memory.correction + jnp.mean(jnp.square(added), axis=(1, 2))
            following, memory = following + added, memory._replace(correction=correction)
        return following, memory._replace(previous=z)


class GolfRecurrentCore(UnrolledCore):
    """Passes over the same blocks until every token has ended, or all passes are made."""

    def setup(self) -> None:
        """Creates the norm of the last state."""
        self.norm_out = nn.RMSNorm()

    def iteration(self) -> nn.Module:
        """Returns the module of one pass."""
        return GolfPass(self.config, self.product, parent=None)

    def begin(self, injection: Injection) -> Begun:
        """Returns the injected tokens and an empty memory."""
        core, z, is_used = cast(GolfRecurrentConfig, self.config.core), injection.tokens, injection.is_used()
        blank, board = jnp.zeros_like(z), jnp.zeros_like(z[:, 0])
        memory = PassMemory(
            previous=blank if core.gradient_memory or core.difference_rank else (),
            momentum=blank if core.gradient_memory else (),
            carried=board if core.state_rank else (),
            confidence=jnp.zeros_like(is_used) if core.confidence else (),
            correction=jnp.zeros_like(board[:, 0]) if core.difference_rank else (),
            halting=begin_halting(z, is_used) if core.exit_gate else (),
        )
        return Begun(z, memory, is_used)

    def finish(self, z: jax.Array, memory: PassMemory, aside: Any) -> jax.Array:
        """Returns the expected state at the exit, normalised.

        Sows `losses/ponder`, the cost of the passes, and `losses/difference`, the size of the difference recurrence.
        """
        core = cast(GolfRecurrentConfig, self.config.core)
        if core.difference_rank:
            self.sow("losses", "difference", (jnp.sum(memory.correction), jnp.float32(memory.correction.size)))
        if core.exit_gate:
            z, ponder = finish_halting(memory.halting, z)
            self.sow("losses", "ponder", (jnp.sum(ponder * aside), jnp.sum(aside)))
        return self.norm_out(z)
