"""Everything a distillation run carries from step to step."""

import chex
import jax
import jax.numpy as jnp
import optax
from flax import struct

from training.runs.schedule import Schedule, constant_schedule, learning_rate_factor


class TrainState(struct.PyTreeNode):
    """State of a run; the data order needs nothing but `step`."""

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
    """Makes one step along the optimiser's update.

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
