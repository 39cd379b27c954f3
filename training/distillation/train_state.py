"""State and optimisers of a distillation run, and one step along an optimiser's update."""

import chex
import jax
import jax.numpy as jnp
import optax
from flax import struct

from training.distillation.distillation_config import OptimizerConfig
from training.distillation.stacked_muon import scale_by_stacked_muon
from training.runs.schedule import Schedule, constant_schedule, learning_rate_factor


class TrainState(struct.PyTreeNode):
    """State of a run; `step` alone decides the order of the data."""

    step: jax.Array  # [] int32, batches seen
    params: chex.ArrayTree
    average: chex.ArrayTree  # exponential moving average of params
    optimizer: optax.OptState
    schedule: Schedule


def initial_state(params: chex.ArrayTree, optimizer: optax.GradientTransformation) -> TrainState:
    """Returns the state before the first step.

    Args:
      params: fresh parameters of the network.
      optimizer: as the learner uses it.
    """
    # A copy, since the learner donates the state's buffers and one buffer cannot be given away twice.
    average = jax.tree.map(jnp.copy, params)
    return TrainState(
        step=jnp.int32(0),
        params=params,
        average=average,
        optimizer=optimizer.init(params),
        schedule=constant_schedule(),
    )


def next_state(
    state: TrainState,
    gradient: chex.ArrayTree,
    optimizer: optax.GradientTransformation,
    warmup_steps: int,
    average_decay: float,
) -> tuple[TrainState, dict[str, jax.Array]]:
    """Returns the state after one step along the optimiser's update.

    Args:
      state: before.
      gradient: of the loss at the state's parameters.
      optimizer: at its peak learning rate.
      warmup_steps: steps in which the learning rate rises.
      average_decay: of the moving average, per step; the first steps forget faster.

    Returns:
      The state after it, and figures of the step.
    """
    updates, optimizer_state = optimizer.update(gradient, state.optimizer, state.params)
    factor = learning_rate_factor(state.schedule, state.step, warmup_steps)
    params = optax.apply_updates(state.params, jax.tree.map(lambda change: change * factor, updates))
    # The average of few steps must not remember the random start.
    decay = jnp.minimum(average_decay, (1.0 + state.step) / (10.0 + state.step))
    average = optax.incremental_update(params, state.average, 1.0 - decay)
    figures = {"gradient_norm": optax.tree.norm(gradient), "learning_rate_factor": factor}
    return state.replace(step=state.step + 1, params=params, average=average, optimizer=optimizer_state), figures


def make_optimizer(config: OptimizerConfig) -> optax.GradientTransformation:
    """Returns the optimiser: gradient clipping by global norm, then AdamW or Muon."""
    adamw = optax.adamw(
        config.learning_rate,
        b2=0.98,
        weight_decay=config.weight_decay,
        mask=lambda params: jax.tree_util.tree_map_with_path(lambda path, leaf: _rank(path, leaf) >= 2, params),
    )
    if config.name == "adamw":
        return optax.chain(optax.clip_by_global_norm(config.clip_norm), adamw)
    matrices = optax.chain(
        scale_by_stacked_muon(),
        optax.add_decayed_weights(config.weight_decay),
        optax.scale_by_learning_rate(config.muon_learning_rate),
    )
    either = optax.partition({"matrix": matrices, "other": adamw}, _labels)
    return optax.chain(optax.clip_by_global_norm(config.clip_norm), either)


def _rank(path: tuple[jax.tree_util.DictKey, ...], leaf: jax.Array) -> int:
    """Returns the rank of a parameter, without the axis of iterations that have their own."""
    return leaf.ndim - (len(path) > 1 and (path[0].key, path[1].key) == ("core", "steps"))


def _labels(params: chex.ArrayTree) -> chex.ArrayTree:
    """Labels the kernels inside the recursion and the policy head as matrices, everything else as other."""

    def label(path: tuple[jax.tree_util.DictKey, ...], leaf: jax.Array) -> str:
        names = {key.key for key in path}
        is_matrix = _rank(path, leaf) == 2 and "kernel" in names and bool(names & {"core", "policy"})
        return "matrix" if is_matrix and min(leaf.shape[-2:]) >= 16 else "other"

    return jax.tree_util.tree_map_with_path(label, params)
