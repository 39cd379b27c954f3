"""Learning-rate schedule: linear warm-up, constant, linear decay to zero (WSD).

The decay is part of a run's state and not of its settings, since it may begin at any step, by time.
"""

import jax
import jax.numpy as jnp
from flax import struct

_NEVER = 2**31 - 1


class Schedule(struct.PyTreeNode):
    """When the decay begins and how long it takes."""

    decay_start: jax.Array  # [] int32, first step of the decay
    decay_steps: jax.Array  # [] int32, at least 1


def constant_schedule() -> Schedule:
    """Returns a schedule without a decay."""
    return Schedule(decay_start=jnp.int32(_NEVER), decay_steps=jnp.int32(1))


def decaying_schedule(start: int, steps: int) -> Schedule:
    """Returns a schedule that falls linearly to zero from step `start` to step `start + steps`."""
    return Schedule(decay_start=jnp.int32(start), decay_steps=jnp.int32(max(steps, 1)))


def learning_rate_factor(schedule: Schedule, step: jax.Array, warmup_steps: int) -> jax.Array:
    """Returns the factor on the peak learning rate, from 0 to 1.

    Args:
      schedule: of the run.
      step: scalar int32, counted from 0.
      warmup_steps: steps of linear warm-up.
    """
    warm = jnp.minimum(1.0, (step + 1.0) / max(warmup_steps, 1))
    past = (step - schedule.decay_start).astype(jnp.float32)
    return warm * jnp.clip(1.0 - past / schedule.decay_steps, 0.0, 1.0)


def decay_end(schedule: Schedule, step: int) -> int | None:
    """Returns the step at which the decay reaches zero, or None if it has not begun.

    Raises:
      ValueError: the decay is over; further steps would change nothing.
    """
    start = int(schedule.decay_start)
    if step < start:
        return None
    end = start + int(schedule.decay_steps)
    if step >= end:
        raise ValueError(
            f"expected a run whose learning rate is above 0, got one whose rate fell to 0 at step {end}; "
            "--restart-schedule returns to the peak"
        )
    return end
