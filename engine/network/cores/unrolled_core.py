"""Provides the loop, its statistics and its trace to all cores whose gradient passes through every iteration.

A core of this kind names a module, one iteration. Parameters whose name begins with `own_` belong to the iteration's
number; they are kept in one array for all iterations, `[K, ...]`, and everything else is shared.
"""

import functools
from typing import Any, NamedTuple, cast

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from engine.fixed_point import Loop, SolveStats, iterate, relative_residual, row_of
from engine.network.attention import AttentionTrace, attention_of
from engine.network.block import Injection
from engine.network.cores.core_configs import UnrolledConfig
from engine.network.network_config import NetworkConfig
from engine.network.products import Product

OWN = "own_"


class Begun(NamedTuple):
    """Holds a core's state before its first iteration."""

    z: jax.Array  # [B, N, D]
    memory: Any = ()  # float arrays [B, ...] that iterations hand on beside the state
    aside: Any = ()  # for `finish` only


class Iterated(NamedTuple):
    """Holds the result of one iteration."""

    z: jax.Array  # [B, N, D]
    memory: Any = ()
    goes_on: jax.Array | None = None  # [B] 1 where the board has not ended; None where none ends early


class _Progress(NamedTuple):
    z: jax.Array  # [B, N, D]
    memory: Any
    residual: jax.Array  # [B]
    steps: jax.Array  # [B] float32, since a loop's state is floats only
    is_open: jax.Array  # [B] 1 while the board goes on


class UnrolledCore(nn.Module):
    """Repeats an iteration; subclasses define it, and what comes before and after.

    Attributes:
      config: the network's.
      product: of the projections.
      step_bound: most iterations that a step limit may ask for; None for the trained number.
    """

    config: NetworkConfig
    product: Product
    step_bound: int | None = None

    def iteration(self) -> nn.Module:
        """Returns the module of one iteration: (z, memory, injection, index) to `Iterated`; it has no parent."""
        raise NotImplementedError

    def begin(self, injection: Injection) -> Begun:
        """Returns the start."""
        return Begun(injection.tokens)

    def finish(self, z: jax.Array, memory: Any, aside: Any) -> jax.Array:
        """Returns the state that the heads read: by default the last one."""
        del memory, aside
        return z

    def __call__(self, injection: Injection, step_limit: jax.Array | None = None) -> tuple[jax.Array, SolveStats]:
        """Iterates from the injected tokens.

        Sows its input as `intermediates/injection`, at no cost unless a caller asks for the collection.

        Args:
          injection: the board, as every iteration sees it.
          step_limit: scalar int32 bound on the iterations, may be traced.

        Returns:
          State `[B, N, D]`, and residual and number of each board's last iteration.
        """
        self.sow("intermediates", "injection", injection)
        begun, core = self.begin(injection), cast(UnrolledConfig, self.config.core)
        module = self.iteration()
        if self.is_initializing():
            self._make_parameters(module, begun, injection)
        shared, own = self._parameters()
        loop = Loop(
            functools.partial(_step, module),
            self.step_bound or core.iterations,
            core.kept,
            lambda progress: jnp.any(progress.is_open > 0),
        )
        end = iterate(loop, shared, own, injection, _start(begun), step_limit)
        stats = SolveStats(end.residual, end.steps.astype(jnp.int32), end.residual <= core.tolerance)
        return self.finish(end.z, end.memory, begun.aside), stats

    def watch(self, injection: Injection, steps: jax.Array) -> AttentionTrace:
        """Traces the states under step limits 0, 1, 2, ….

        Args:
          injection: of the boards.
          steps: `[I]` iterations made under each limit; they are recomputed here, so only their number counts.

        Returns:
          For each state, the attention of the iteration after it and how far that moves the state; a core that cannot
          go on repeats its last iteration's.
        """
        module, core = self.iteration(), self.config.core
        shared, own = self._parameters()

        def look(progress: _Progress, index: jax.Array) -> tuple[_Progress, AttentionTrace]:
            params = {"params": joined(shared, row_of(own, index))}
            inputs = (progress.z, progress.memory, injection, index)
            result, sown = module.apply(params, *inputs, mutable=["intermediates"])
            residual = relative_residual(progress.z, cast(Iterated, result).z)
            following = _advanced(progress, cast(Iterated, result))
            if not core.extrapolates:
                can_go_on = index < self.config.own_steps
                following = jax.tree.map(lambda new, old: jnp.where(can_go_on, new, old), following, progress)
            return following, AttentionTrace(attention_of(sown["intermediates"]), residual)

        indices = jnp.arange(len(steps), dtype=jnp.int32)
        return lax.scan(look, _start(self.begin(injection)), indices)[1]

    def _make_parameters(self, module: nn.Module, begun: Begun, injection: Injection) -> None:
        def init(key: jax.Array) -> Any:
            return module.init(key, begun.z, begun.memory, injection, jnp.int32(0))["params"]

        keys = jax.random.split(self.make_rng("params"), self.config.own_steps)
        shared, own = apart(jax.vmap(init)(keys))
        shared = jax.tree.map(lambda leaf: leaf[0], shared)
        for name, tree in (("shared", shared), ("steps", own)):
            if tree:
                self.put_variable("params", name, tree)

    def _parameters(self) -> tuple[Any, Any]:
        return self.get_variable("params", "shared", {}), self.get_variable("params", "steps", {})


def _start(begun: Begun) -> _Progress:
    batch = begun.z.shape[0]
    infinite, zero = jnp.full((batch,), jnp.inf, jnp.float32), jnp.zeros((batch,), jnp.float32)
    return _Progress(begun.z, begun.memory, infinite, zero, zero + 1)


def _step(module: nn.Module, shared: Any, own: Any, injection: Any, progress: _Progress, index: jax.Array) -> _Progress:
    result = module.apply({"params": joined(shared, own)}, progress.z, progress.memory, injection, index)
    return _advanced(progress, cast(Iterated, result))


def _advanced(progress: _Progress, result: Iterated) -> _Progress:
    chex.assert_equal_shape([progress.z, result.z])
    residual = lax.stop_gradient(relative_residual(progress.z, result.z))
    advanced = _Progress(result.z, result.memory, residual, progress.steps + 1, progress.is_open)
    if result.goes_on is None:
        return advanced
    # A board that has ended is frozen, so that skipping its iterations changes nothing.
    advanced = advanced._replace(is_open=lax.stop_gradient(result.goes_on))
    return jax.tree.map(lambda new, old: jnp.where(_beside(progress.is_open, new) > 0, new, old), advanced, progress)


def _beside(boards: jax.Array, x: jax.Array) -> jax.Array:
    """Returns `[B]` with the rank of x `[B, ...]`."""
    return boards.reshape(boards.shape + (1,) * (x.ndim - 1))


def apart(params: Any) -> tuple[Any, Any]:
    """Returns the shared part of an iteration's parameters, nested dicts, and the iteration's own."""
    shared: dict[str, Any] = {}
    own: dict[str, Any] = {}
    for name, value in params.items():
        if name.startswith(OWN):
            own[name] = value
        elif not isinstance(value, dict):
            shared[name] = value
        else:
            parts = apart(value)
            for whole, part in ((shared, parts[0]), (own, parts[1])):
                if part:
                    whole[name] = part
    return shared, own


def joined(shared: Any, own: Any) -> Any:
    """Returns the parameters of which `apart` returned the parts."""
    both = {name: joined(shared[name], own[name]) for name in shared.keys() & own.keys()}
    return {**shared, **own, **both}
