"""What the tokens attend to while the state settles, for display and study; nothing that plays uses it."""

from typing import NamedTuple, cast

import chex
import jax
import jax.numpy as jnp

from engine.fixed_point.solve import BatchedMap, relative_residual, solve_trajectory
from engine.network.block import Blocks, Injection
from engine.network.model import Network


class AttentionTrace(NamedTuple):
    """Attention and residual at each state of an iteration."""

    attention: jax.Array  # [I, blocks, B, H, N, N] float32: block, board, head, query, key; sums to 1 over keys
    residual: jax.Array  # [I, B] float32, relative residual ||f(z) - z|| / ||f(z)||


def capture_attention(network: Network, params: chex.ArrayTree, position: jax.Array, steps: int) -> AttentionTrace:
    """Iterates f for a fixed number of steps and looks at what each application attends to.

    The states are the start and the images f(z) of the solver's iterates; with undamped Picard these are its iterates.
    f is applied once more to each, so this costs twice a solve. Slots without a man are never attended to; as queries
    they have weights that mean nothing.

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
    f = recursion_of(network, params, injection)
    images, _ = solve_trajectory(f, injection.tokens, network.config.solver, steps)
    return look_at(network, params, injection, jnp.concatenate([injection.tokens[None], images[:-1]]))


def injection_of(network: Network, params: chex.ArrayTree, position: jax.Array) -> Injection:
    """Returns what f sees of the boards.

    Args:
      network: in training or serving form.
      params: of that form.
      position: int8 `[B, P]`.
    """
    no_steps = jnp.int32(0)  # The core sows its input, its output is not needed.
    _, sown = network.apply({"params": params}, position, no_steps, mutable=["intermediates"])
    (injection,) = sown["intermediates"]["core"]["injection"]
    return cast(Injection, injection)


def recursion_of(network: Network, params: chex.ArrayTree, injection: Injection) -> BatchedMap:
    """Returns f of these boards: states `[B, N, D]` to states."""
    blocks = Blocks(network.config, network.product)

    def f(z: jax.Array) -> jax.Array:
        return cast(jax.Array, blocks.apply({"params": params["core"]["f"]}, z, injection))

    return f


def look_at(network: Network, params: chex.ArrayTree, injection: Injection, states: jax.Array) -> AttentionTrace:
    """Applies f to states and returns what it attends to, and how far it moves them.

    Args:
      network: in training or serving form.
      params: of that form.
      injection: of the boards.
      states: `[I, B, N, D]`.
    """
    chex.assert_rank(states, 4)
    blocks = Blocks(network.config, network.product)

    def look(z: jax.Array) -> AttentionTrace:
        image, sown = blocks.apply({"params": params["core"]["f"]}, z, injection, mutable=["intermediates"])
        seen = [sown["intermediates"][f"block_{index}"] for index in range(network.config.blocks)]
        return AttentionTrace(
            jnp.stack([block["attention"]["attention"][0] for block in seen]), relative_residual(z, image)
        )

    return cast(AttentionTrace, jax.lax.map(look, states))
