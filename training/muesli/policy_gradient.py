"""The policy gradient of Muesli at the action taken, with clipped importance weights (Hessel et al. 2021, eq. 6)."""

import chex
import jax
import jax.numpy as jnp


def clipped_ratio(log_policy: jax.Array, log_behaviour: jax.Array) -> jax.Array:
    """Returns min(1, pi / mu) `[...]` of log-probabilities `[...]`."""
    return jnp.exp(jnp.minimum(log_policy - log_behaviour, 0.0))


def policy_gradient_loss(log_policy: jax.Array, log_behaviour: jax.Array, advantage: jax.Array) -> jax.Array:
    """Returns -min(1, rho) adv log pi, whose gradient is that of -rho adv wherever rho is below 1.

    The weight is a constant of the gradient, so that clipping bounds it instead of ending it.

    Args:
      log_policy: `[...]`, of the action taken, under the learning policy.
      log_behaviour: `[...]`, under the policy it was drawn from.
      advantage: `[...]`, return minus the prior's value, normalised; a constant.
    """
    chex.assert_equal_shape([log_policy, log_behaviour, advantage])
    weight = jax.lax.stop_gradient(clipped_ratio(log_policy, log_behaviour) * advantage)
    return -weight * log_policy
