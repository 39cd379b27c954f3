"""What the tokens attend to while the state settles, for display and study; nothing that plays uses it."""

from typing import cast

import chex
import jax
import jax.numpy as jnp

from engine.network.attention_trace import AttentionTrace
from engine.network.block import Injection
from engine.network.cores.core_registry import CORES
from engine.network.model import Network


def capture_attention(network: Network, params: chex.ArrayTree, position: jax.Array, steps: int) -> AttentionTrace:
    """Iterates for a fixed number of steps and looks at what each iteration attends to.

    The states are those before each iteration; the equilibrium core's are what its solver would hold, with undamped
    Picard its iterates. Slots without a man are never attended to; as queries they have weights that mean nothing.

    Args:
      network: in training or serving form.
      params: of that form.
      position: int8 `[B, P]`.
      steps: number of states I, at least 1; the solver's stop rule is not used.

    Returns:
      The trace.
    """
    chex.assert_scalar_positive(steps)
    injection = injection_of(network, params, position)
    return watch(network, params, injection, jnp.arange(steps, dtype=jnp.int32))


def injection_of(network: Network, params: chex.ArrayTree, position: jax.Array) -> Injection:
    """Returns what the recursion sees of the boards.

    Args:
      network: in training or serving form.
      params: of that form.
      position: int8 `[B, P]`.
    """
    no_steps = jnp.int32(0)  # The core sows its input, its output is not needed.
    _, sown = network.apply({"params": params}, position, no_steps, mutable=["intermediates"])
    (injection,) = sown["intermediates"]["core"]["injection"]
    return cast(Injection, injection)


def watch(network: Network, params: chex.ArrayTree, injection: Injection, steps: jax.Array) -> AttentionTrace:
    """Looks at the states that step limits of 0, 1, 2, … leave the recursion with, and at what it does to each.

    Args:
      network: in training or serving form.
      params: of that form.
      injection: of the boards.
      steps: `[I]` iterations that are made under each limit.
    """
    chex.assert_rank(steps, 1)
    core = CORES[network.config.core.kind](network.config, network.product)
    return cast(AttentionTrace, core.apply({"params": params["core"]}, injection, steps, method="watch"))
