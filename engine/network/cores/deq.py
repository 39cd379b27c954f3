"""The equilibrium core, one function repeated until its state no longer changes (Bai et al. 2019), and its control.

The control, `FlatCore`, applies as many of the same blocks without recursion: each has its own weights.
"""

import dataclasses
import functools
from typing import Any, cast

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn

from engine.fixed_point import SolveStats, StopRule, UnrolledGradient, fixed_point, held_states, relative_residual
from engine.network.attention import AttentionTrace, attention_of
from engine.network.block import Blocks, Injection
from engine.network.cores.core_configs import DeqConfig
from engine.network.cores.early_exit import EarlyExit, exit_rule
from engine.network.cores.unrolled_core import Iterated, UnrolledCore
from engine.network.network_config import NetworkConfig
from engine.network.products import Product


class DeqCore(nn.Module):
    """Solves `z = f(z; x)` for the state of all tokens.

    Attributes:
      config: the network's, with a `DeqConfig`.
      product: of f's projections.
      step_bound: most steps that a step limit may ask for; None for the solver's own.
    """

    config: NetworkConfig
    product: Product
    step_bound: int | None = None

    def setup(self) -> None:
        """Creates the parameters of f as one pytree, which the solver takes as an argument."""
        self.blocks = Blocks(self.config, self.product, parent=None)
        self.f_params = self.param("f", self._init_f)
        if cast(DeqConfig, self.config.core).exit is not None:
            self.end = EarlyExit(self.product, parent=None)
            self.exit_params = self.param("exit", self._init_exit)

    def _init_f(self, key: jax.Array) -> chex.ArrayTree:
        z = jnp.zeros((1, self.config.token_count, self.config.width))
        bias = jnp.zeros((1, self.config.heads, self.config.token_count, self.config.token_count))
        return self.blocks.init(key, z, Injection(z, bias))["params"]

    def _init_exit(self, key: jax.Array) -> chex.ArrayTree:
        z = jnp.zeros((1, self.config.token_count, self.config.width))
        return self.end.init(key, z, jnp.ones(z.shape[:2]))["params"]

    def __call__(self, injection: Injection, step_limit: jax.Array | None = None) -> tuple[jax.Array, SolveStats]:
        """Iterates f from the injected tokens.

        Sows its input as `intermediates/injection`, at no cost unless a caller asks for the collection.

        Args:
          injection: the board, as every iteration sees it.
          step_limit: scalar int32 bound on the iterations, may be traced.

        Returns:
          State `[B, N, D]` and the solver's statistics.
        """
        self.sow("intermediates", "injection", injection)
        start = injection.tokens
        core = self._bounded()
        rule: StopRule | None = None
        if core.exit is not None:
            rule = exit_rule(self.end, self.exit_params, injection.is_used(), core.exit.threshold)
        return fixed_point(self.step, self.f_params, injection, start, core.solver, core.gradient, step_limit, rule)

    def watch(self, injection: Injection, steps: jax.Array) -> AttentionTrace:
        """Traces the solver's states under step limits 0, 1, 2, ….

        Args:
          injection: of the boards.
          steps: `[I]` steps taken under each limit by the slowest board; fewer than the limit once the solver has
            stopped.

        Returns:
          For each state, the attention of f applied to it, and how far f moves it.
        """
        core = cast(DeqConfig, self.config.core)
        f = functools.partial(self.step, self.f_params, injection)
        states = held_states(f, injection.tokens, core.solver, core.gradient, steps)

        def look(z: jax.Array) -> AttentionTrace:
            image, sown = self.blocks.apply({"params": self.f_params}, z, injection, mutable=["intermediates"])
            return AttentionTrace(attention_of(sown["intermediates"]), relative_residual(z, image))

        return cast(AttentionTrace, jax.lax.map(look, states))

    def _bounded(self) -> DeqConfig:
        core = cast(DeqConfig, self.config.core)
        if self.step_bound is None:
            return core
        if isinstance(core.gradient, UnrolledGradient):
            return dataclasses.replace(core, gradient=dataclasses.replace(core.gradient, steps=self.step_bound))
        return dataclasses.replace(core, solver=dataclasses.replace(core.solver, max_steps=self.step_bound))

    def step(self, params: chex.ArrayTree, injection: Injection, z: jax.Array) -> jax.Array:
        """Applies f once: `[B, N, D]` to `[B, N, D]`."""
        return cast(jax.Array, self.blocks.apply({"params": params}, z, injection))


class FlatIteration(nn.Module):
    """Applies the blocks of one iteration.

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
        return Iterated(Blocks(self.config, self.product, name="own_blocks")(z, injection))


class FlatCore(UnrolledCore):
    """Applies iterations times blocks different blocks, each once."""

    def iteration(self) -> nn.Module:
        """Returns the module of one iteration."""
        return FlatIteration(self.config, self.product, parent=None)
