"""Defines the network, encoded positions → tokens → recursion → policy and value, and the ways to apply it."""

from typing import NamedTuple, cast

import chex
import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from flax import struct

from engine.encoding.attacks import attacks_of
from engine.encoding.position import POSITION_SIZE
from engine.encoding.square_features import square_features
from engine.fixed_point import SolveStats
from engine.network.attention import MASKED, AttentionTrace
from engine.network.block import Injection
from engine.network.cores.core_registry import CORES
from engine.network.heads import PolicyHead, ValueHead
from engine.network.network_config import NetworkConfig
from engine.network.products import FLOAT32, Product, Projection
from engine.network.tokens import RelationBias, tokens_of

_COORDINATES = np.stack(np.divmod(np.arange(64, dtype=np.float32), 8), axis=1)[None]  # [1, S, 2] rank and file


class NetworkOutput(struct.PyTreeNode):
    """Holds one evaluation, for the side to move."""

    policy_logits: jax.Array  # [B, Z] all cells; the caller masks the illegal ones
    wdl_logits: jax.Array  # [B, 3] win, draw, loss
    score_logits: jax.Array  # [B, bins] over the expected score
    stats: SolveStats  # of the fixed point, [B] each


class Network(nn.Module):
    """Evaluates encoded positions.

    Attributes:
      config: shape and arithmetic.
      product: how the trunk's projections multiply; of `int8.TRAINING_PRODUCTS` or `int8.SERVING_PRODUCTS`.
      step_bound: most steps that `step_limit`, which must then be given, may ask for; None for the core's own.
    """

    config: NetworkConfig
    product: Product
    step_bound: int | None = None

    @nn.compact
    def __call__(self, position: jax.Array, step_limit: jax.Array | None = None) -> NetworkOutput:
        """Evaluates positions.

        Args:
          position: int8 `[B, P]` encoded positions.
          step_limit: scalar int32 bound on the solver's steps, may be traced.

        Returns:
          Logits and solver statistics.
        """
        chex.assert_shape(position, (None, POSITION_SIZE))
        attacks = attacks_of(position)
        features = square_features(position, attacks)  # [B, S, F]
        tokens = tokens_of(position, self.config.tokens)
        width = self.config.width
        embedded = Projection(width, FLOAT32, name="embedding")(tokens.gather(features))
        places = self.param("square_embedding", nn.initializers.normal(0.02), (64, width))
        embedded += places[None] if tokens.select is None else tokens.select @ places
        bias = RelationBias(self.config.heads, name="relations")(tokens, attacks)
        coordinates = tokens.gather(jnp.broadcast_to(_COORDINATES, (len(position), 64, 2)))
        injection = Injection(nn.RMSNorm(name="norm_embedding")(embedded), bias, coordinates)
        core = CORES[self.config.core.kind](self.config, self.product, self.step_bound, name="core")
        z, stats = core(injection, step_limit)
        mask = jnp.where(tokens.is_used, 0.0, MASKED)[:, None, None, :]
        policy = PolicyHead(self.config, self.product, name="policy")(z, tokens, features, mask)
        wdl, score = ValueHead(self.config, name="value")(z, tokens.is_used)
        return NetworkOutput(policy, wdl, score, stats)


def evaluate(
    network: Network, params: chex.ArrayTree, position: jax.Array, step_limit: jax.Array | None = None
) -> NetworkOutput:
    """Applies a network to positions; pure, to be compiled by the caller.

    Args:
      network: in training or serving form.
      params: of that form.
      position: int8 `[B, P]`.
      step_limit: scalar int32 bound on the solver's steps.
    """
    return cast(NetworkOutput, network.apply({"params": params}, position, step_limit))


def evaluate_with_squares(
    network: Network, params: chex.ArrayTree, position: jax.Array, step_limit: jax.Array | None = None
) -> tuple[NetworkOutput, jax.Array]:
    """Applies a network as `evaluate` does; also returns the core's state on the board, `[B, S, D]`, 0 where empty."""
    output, captured = network.apply(
        {"params": params},
        position,
        step_limit,
        capture_intermediates=lambda module, _: module.name == "core",
        mutable=["intermediates"],
    )
    ((state, _),) = captured["intermediates"]["core"]["__call__"]
    return cast(NetworkOutput, output), tokens_of(position, network.config.tokens).spread(state)


class SownMean(NamedTuple):
    """Holds a mean over a batch, or over the part of it that one device has, as cores sow it."""

    total: jax.Array  # scalar
    divisor: jax.Array  # scalar, which no parameter changes


class TrainingOutput(NamedTuple):
    """Holds one evaluation and the losses that the core adds to the task's."""

    output: NetworkOutput
    core_losses: dict[str, SownMean]  # by name, weighted by training; empty for most cores


def evaluate_in_training(
    network: Network, params: chex.ArrayTree, position: jax.Array, step_limit: jax.Array | None = None
) -> TrainingOutput:
    """Applies a network as `evaluate` does, and collects the losses that its core sows."""
    output, sown = network.apply({"params": params}, position, step_limit, mutable=["losses"])
    named = sown.get("losses", {}).get("core", {})
    return TrainingOutput(cast(NetworkOutput, output), {name: SownMean(*pair) for name, (pair,) in named.items()})


def capture_attention(network: Network, params: chex.ArrayTree, position: jax.Array, steps: int) -> AttentionTrace:
    """Traces what each of a fixed number of iterations attends to.

    The states are those before each iteration; the equilibrium core's are what its solver would hold, with undamped
    Picard its iterates. Slots without a piece are never attended to; their own weights as queries mean nothing.

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
    """Returns the boards as the recursion sees them.

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
    """Traces the recursion at its states under step limits 0, 1, 2, ….

    Args:
      network: in training or serving form.
      params: of that form.
      injection: of the boards.
      steps: `[I]` iterations made under each limit.
    """
    chex.assert_rank(steps, 1)
    core = CORES[network.config.core.kind](network.config, network.product)
    return cast(AttentionTrace, core.apply({"params": params["core"]}, injection, steps, method="watch"))
