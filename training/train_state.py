"""Everything a distillation run carries from step to step."""

import chex
import jax
import jax.numpy as jnp
import optax
from flax import struct

from training.schedule import Schedule, constant_schedule


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
