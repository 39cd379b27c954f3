"""Figures about the networks on a batch: is the model right, are values calibrated, does the recursion settle."""

import jax
import jax.numpy as jnp

from training.muesli.lookahead import played_values
from training.muesli.prior_targets import PriorTargets
from training.muesli.sequences import Sequences

_BINS = 10


def prior_metrics(targets: PriorTargets) -> dict[str, jax.Array]:
    """Returns figures, scalars.

    `calibration_error` is the mean distance between predicted value and return, by tenths of the predicted value,
    weighted by their frequency.

    Args:
      targets: of the batch `[B, T]`.
    """
    returns, value = targets.returns[:, :-1], targets.value[:, :-1]
    return {
        "value_explained": correlation(value, returns),
        "calibration_error": calibration_error(value, returns),
        "mean_return": jnp.mean(returns),
        "advantage_size": jnp.mean(jnp.abs(targets.advantage[:, :-1])),
        "cmpo_clipped_share": targets.clipped_share,
        "residual": jnp.mean(targets.root.residual),
        "solver_steps": jnp.mean(targets.root.steps.astype(jnp.float32)),
    }


def model_metrics(model_q: jax.Array, targets: PriorTargets, sequences: Sequences) -> dict[str, jax.Array]:
    """Returns how the model's value of the action taken compares with the rules', scalars.

    The rules' is the reward and the target network's value of the position that really followed.

    Args:
      model_q: `[B, T]`, reward less the value after one step of the model.
      targets: of the batch.
      sequences: the batch.
    """
    model_q, rules_q = model_q[:, :-1], played_values(sequences, targets.value)[:, :-1]
    return {"q_correlation": correlation(model_q, rules_q), "q_error": jnp.mean(jnp.abs(model_q - rules_q))}


def correlation(a: jax.Array, b: jax.Array) -> jax.Array:
    """Returns the correlation coefficient of two arrays of one shape; 0 where one of them is constant."""
    a, b = a - jnp.mean(a), b - jnp.mean(b)
    size = jnp.sqrt(jnp.mean(jnp.square(a)) * jnp.mean(jnp.square(b)))
    return jnp.where(size > 1e-8, jnp.mean(a * b) / jnp.maximum(size, 1e-8), 0.0)


def calibration_error(predicted: jax.Array, outcome: jax.Array) -> jax.Array:
    """Returns the expected calibration error of values in [-1, 1], over ten equal bins."""
    index = jnp.clip(((predicted + 1.0) * 0.5 * _BINS).astype(jnp.int32), 0, _BINS - 1).reshape(-1)
    is_in = (index[:, None] == jnp.arange(_BINS, dtype=jnp.int32)[None]).astype(jnp.float32)
    gaps = is_in.T @ (predicted - outcome).reshape(-1)
    return jnp.sum(jnp.abs(gaps)) / index.size
