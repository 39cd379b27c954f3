"""What the cores' mechanisms add to the loss of the task.

Cores sow `ponder`, the iterations that a token makes before it ends, and `difference`, the mean square of the
difference recurrence. Two losses need more than a core knows: the thermodynamic one, which minimises energy minus
temperature times entropy with a temperature that falls, and the one of compression, which counts the bits of the
kernels as they would be stored in int8.
"""

from collections.abc import Mapping

import chex
import jax
import jax.numpy as jnp

from training.distillation.distillation_config import CoreLossConfig


def entropy_loss(log_policy: jax.Array, legal: jax.Array, step: jax.Array, config: CoreLossConfig) -> jax.Array:
    """Returns minus the temperature times the policy's mean entropy, scalar.

    Args:
      log_policy: `[B, Z]` logarithms of the policy over the legal moves.
      legal: `[B, Z]` bool.
      step: scalar, batches seen.
      config: temperature at the start and how fast it falls.
    """
    chex.assert_equal_shape([log_policy, legal])
    temperature = config.entropy * jnp.exp(-step.astype(jnp.float32) / config.cooling_steps)
    terms = jnp.where(legal, jnp.exp(log_policy) * log_policy, 0.0)
    return temperature * jnp.mean(jnp.sum(terms, axis=-1))


def bits_per_weight(params: chex.ArrayTree) -> jax.Array:
    """Returns the mean over all entries of the kernels of log2(1 + |w| / step), scalar.

    The step is that of int8, the largest entry of a column over 127.5; it gets no gradient.

    Args:
      params: nested dict; every leaf called `kernel` counts.
    """
    kernels = [
        leaf
        for path, leaf in jax.tree_util.tree_leaves_with_path(params)
        if getattr(path[-1], "key", None) == "kernel" and leaf.ndim >= 2
    ]
    if not kernels:
        return jnp.float32(0)
    total = sum(jnp.sum(jnp.log2(1 + jnp.abs(kernel) / _int8_step(kernel))) for kernel in kernels)
    return jnp.asarray(total / sum(kernel.size for kernel in kernels))


def _int8_step(kernel: jax.Array) -> jax.Array:
    largest = jnp.max(jnp.abs(kernel), axis=-2, keepdims=True)
    return jax.lax.stop_gradient(jnp.where(largest == 0, 1.0, largest / 127.5))


def sown_loss(losses: Mapping[str, jax.Array], config: CoreLossConfig) -> jax.Array:
    """Returns the weighted sum of what a core has sown, scalar.

    Args:
      losses: by name; each needs a weight of that name.
      config: the weights.
    """
    return sum((getattr(config, name) * value for name, value in losses.items()), jnp.float32(0))
