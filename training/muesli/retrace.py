"""The Retrace return (Munos et al. 2016) with the model's action values, for one sequence; the learner vmaps it.

    G_t = r_t + d_t (E_pi[q(s_{t+1}, .)] + c_{t+1} (G_{t+1} - q(s_{t+1}, a_{t+1})))
    c_t = lambda min(1, pi(a_t | s_t) / mu(a_t | s_t))

Games of two players: every value is the mover's, r_t is the reward of the player who moved at t, and the discount d_t
is -1, or 0 if the game ended with a_t. No other sign is needed.
"""

import chex
import jax
import jax.numpy as jnp

ZERO_SUM_DISCOUNT = -1.0


def zero_sum_discount(is_terminal: jax.Array) -> jax.Array:
    """Returns the discount of the step after each action: -1, or 0 where the action ended the game."""
    return jnp.where(is_terminal, 0.0, ZERO_SUM_DISCOUNT)


def trace_coefficient(log_policy: jax.Array, log_behaviour: jax.Array, retrace_lambda: float) -> jax.Array:
    """Returns c `[...]` in [0, lambda].

    Args:
      log_policy: `[...]`, log-probability of the action taken under the policy that is evaluated.
      log_behaviour: `[...]`, under the one it was drawn from.
      retrace_lambda: in [0, 1]; 0 gives the one-step return.
    """
    return retrace_lambda * jnp.exp(jnp.minimum(log_policy - log_behaviour, 0.0))


def retrace_returns(
    reward_t: jax.Array, discount_t: jax.Array, expected_q_t1: jax.Array, taken_q_t1: jax.Array, trace_t1: jax.Array
) -> jax.Array:
    """Returns G_t for every step of one sequence.

    Args:
      reward_t: `[T]`.
      discount_t: `[T]`, -1 or 0.
      expected_q_t1: `[T]`, value under the policy of the state after each step; the last one bootstraps.
      taken_q_t1: `[T]`, action value of the next action; the last one is not read.
      trace_t1: `[T]`, c of the next action; the last one is not read.

    Returns:
      `[T]`.
    """
    chex.assert_rank(reward_t, 1)
    chex.assert_equal_shape([reward_t, discount_t, expected_q_t1, taken_q_t1, trace_t1])
    # Nothing is known of a return beyond the sequence, so that its last correction is 0.
    trace_t1 = trace_t1.at[-1].set(0.0)

    def backward(return_t1: jax.Array, step: tuple[jax.Array, ...]) -> tuple[jax.Array, jax.Array]:
        reward, discount, expected_q, taken_q, trace = step
        value = reward + discount * (expected_q + trace * (return_t1 - taken_q))
        return value, value

    steps = (reward_t, discount_t, expected_q_t1, taken_q_t1, trace_t1)
    _, returns = jax.lax.scan(backward, jnp.zeros((), reward_t.dtype), steps, reverse=True)
    return returns
