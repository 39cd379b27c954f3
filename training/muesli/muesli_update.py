"""One update of Muesli: targets from the target network, loss, clipped normalised Adam, moving averages."""

from typing import Any

import chex
import jax
import jax.numpy as jnp
import optax
from flax import struct

from training.muesli import cmpo
from training.muesli.agent import Problem
from training.muesli.muesli_loss import LossBatch, Metrics, muesli_loss
from training.muesli.prior_targets import prior_metrics, prior_targets
from training.muesli.sequences import Sequences, unpack_legal
from training.muesli.values import AdvantageScale, initial_scale, sigma
from training.runs.schedule import Schedule, constant_schedule, learning_rate_factor


class LearnerState(struct.PyTreeNode):
    """State of the learner from update to update."""

    step: jax.Array  # [] int32, updates made
    params: chex.ArrayTree
    target: chex.ArrayTree  # slow average: the prior, which also plays
    past: tuple[chex.ArrayTree, ...]  # slower averages, whose policies are evaluated too
    anchor: Any  # parameters that the policy is held to, or None
    optimizer: optax.OptState
    scale: AdvantageScale
    schedule: Schedule


def initial_learner(
    problem: Problem, params: chex.ArrayTree, optimizer: optax.GradientTransformation, has_anchor: bool
) -> LearnerState:
    """Returns the state before the first update.

    Args:
      problem: network and settings.
      params: to begin with.
      optimizer: as for `muesli_update`.
      has_anchor: whether the policy is held to the one of `params`.
    """

    def copy() -> chex.ArrayTree:
        # The state's buffers are donated, and one buffer cannot be given away twice.
        return jax.tree.map(jnp.copy, params)

    return LearnerState(
        step=jnp.int32(0),
        params=params,
        target=copy(),
        past=tuple(copy() for _ in problem.config.past_rates),
        anchor=copy() if has_anchor else None,
        optimizer=optimizer.init(params),
        scale=initial_scale(),
        schedule=constant_schedule(),
    )


def muesli_update(
    problem: Problem,
    optimizer: optax.GradientTransformation,
    warmup_steps: int,
    state: LearnerState,
    sequences: Sequences,
    key: jax.Array,
) -> tuple[LearnerState, Metrics]:
    """Returns the state after one update; pure, to be compiled by the caller.

    Args:
      problem: network and settings.
      optimizer: at its peak learning rate.
      warmup_steps: updates in which the learning rate rises.
      state: before.
      sequences: the batch `[B, T]`.
      key: consumed.

    Returns:
      The state after it, and figures.
    """
    config = problem.config
    legal = unpack_legal(sequences.legal, problem.actions)
    past = [_log_taken(problem, params, sequences, legal) for params in state.past]
    past_log_policies = jnp.stack(past, axis=-1) if past else jnp.zeros((*legal.shape[:2], 0))
    targets, scale = prior_targets(problem, state.target, sequences, legal, past_log_policies, state.scale, key)
    anchor = None if state.anchor is None else _log_policy(problem, state.anchor, sequences, legal)
    batch = LossBatch(sequences, legal, targets, anchor)
    gradient, metrics = jax.grad(lambda params: muesli_loss(problem, params, batch), has_aux=True)(state.params)
    updates, optimizer_state = optimizer.update(gradient, state.optimizer, state.params)
    factor = learning_rate_factor(state.schedule, state.step, warmup_steps)
    params = optax.apply_updates(state.params, jax.tree.map(lambda change: change * factor, updates))
    metrics |= prior_metrics(targets)
    metrics |= {
        "gradient_norm": optax.tree.norm(gradient),
        "learning_rate_factor": factor,
        "advantage_scale": sigma(scale, config.advantage_floor),
    }
    after = state.replace(
        step=state.step + 1,
        params=params,
        target=optax.incremental_update(params, state.target, config.target_rate),
        past=tuple(
            optax.incremental_update(params, old, rate) for old, rate in zip(state.past, config.past_rates, strict=True)
        ),
        optimizer=optimizer_state,
        scale=scale,
    )
    return after, metrics


def _log_policy(problem: Problem, params: chex.ArrayTree, sequences: Sequences, legal: jax.Array) -> jax.Array:
    """Returns log-probabilities `[B, T, A]`."""
    observation = sequences.observation.reshape(-1, sequences.observation.shape[-1])
    logits = problem.agent.root(params, observation).prediction.policy_logits.reshape(legal.shape)
    return cmpo.legal_log_policy(logits, legal)


def _log_taken(problem: Problem, params: chex.ArrayTree, sequences: Sequences, legal: jax.Array) -> jax.Array:
    action = sequences.action.astype(jnp.int32)[..., None]
    return jnp.take_along_axis(_log_policy(problem, params, sequences, legal), action, axis=-1)[..., 0]


def clipped_adam(
    learning_rate: float, weight_decay: float, clips_updates: bool, b2: float = 0.999, network_share: float = 1.0
) -> optax.GradientTransformation:
    """Returns the optimiser at its peak learning rate.

    Args:
      learning_rate: peak.
      weight_decay: decoupled, of matrices.
      clips_updates: whether to clip.
      b2: decay of the second moment.
      network_share: factor on the rate of parameters below the name `network`.
    """

    def scaled(path: jax.tree_util.KeyPath, change: jax.Array) -> jax.Array:
        is_network = path[:1] == (jax.tree_util.DictKey("network"),)
        return change * (-learning_rate * (network_share if is_network else 1.0))

    return optax.chain(
        optax.scale_by_adam(b2=b2),
        optax.clip(1.0) if clips_updates else optax.identity(),
        optax.add_decayed_weights(weight_decay, mask=lambda params: jax.tree.map(lambda leaf: leaf.ndim >= 2, params)),
        optax.stateless(lambda updates, _: jax.tree_util.tree_map_with_path(scaled, updates)),
    )
