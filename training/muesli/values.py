"""Values: distributions over a fixed support, the Retrace return, and the scale of advantages.

Values are learned as distributions by cross-entropy with two-hot targets: a value between two points of the support
becomes the two weights whose expectation it is; one beyond the support becomes the nearest end. Rewards of a game, -1,
0 or 1, are the support (-1, 0, 1) and so three classes.

Retrace (Munos et al. 2016) with the model's action values, for one sequence; the learner vmaps it:

    G_t = r_t + d_t (E_pi[q(s_{t+1}, .)] + c_{t+1} (G_{t+1} - q(s_{t+1}, a_{t+1})))
    c_t = lambda min(1, pi(a_t | s_t) / mu(a_t | s_t))

In a game of two players every value is the mover's, r_t is the reward of the player who moved at t, and the discount
d_t is -1, or 0 if the game ended with a_t. No other sign is needed.

The scale of advantages is the root of a bias-corrected running mean of their squares, not centred (Hessel et al. 2021,
section 4.5):

    m <- b m + (1 - b) mean(adv^2)    p <- b p    sigma = max(sqrt(m / (1 - p)), floor)

A centred variance would hide that all advantages of a batch may have one sign. The floor keeps the noise of positions
whose result is certain from being blown up to the clip.
"""

import chex
import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

REWARD_SUPPORT = np.array([-1.0, 0.0, 1.0], np.float32)


def two_hot(value: jax.Array, support: jax.Array) -> jax.Array:
    """Returns the weights on the two neighbours of a value.

    Args:
      value: `[...]`; clipped to the ends of the support.
      support: `[V]`, ascending, equally spaced.

    Returns:
      `[..., V]`, sums to 1 and has the expectation `value`.
    """
    chex.assert_rank(support, 1)
    spacing = support[1] - support[0]
    clipped = jnp.clip(value, support[0], support[-1])[..., None]
    points = support.reshape((1,) * value.ndim + support.shape)
    return jnp.maximum(1.0 - jnp.abs(clipped - points) / spacing, 0.0)


def expected_value(logits: jax.Array, support: jax.Array) -> jax.Array:
    """Returns the expectation `[...]` of the distribution with logits `[..., V]` over the support `[V]`."""
    chex.assert_axis_dimension(logits, -1, support.shape[0])
    return jax.nn.softmax(logits, axis=-1) @ support


def categorical_loss(logits: jax.Array, value: jax.Array, support: jax.Array) -> jax.Array:
    """Returns the cross-entropy to the two-hot target.

    Args:
      logits: `[..., V]`.
      value: `[...]`.
      support: `[V]`.

    Returns:
      `[...]`, nats.
    """
    chex.assert_equal_shape_prefix([logits, value], value.ndim)
    return -jnp.sum(two_hot(value, support) * jax.nn.log_softmax(logits, axis=-1), axis=-1)


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


def result_targets(reward: jax.Array, is_terminal: jax.Array, is_known: jax.Array, predicted: jax.Array) -> jax.Array:
    """Returns win, draw and loss for the side to move at every step of one sequence.

    It is the result of the game if that ended in the sequence, and else the prediction of the last position before it
    breaks off, seen from the other side at every step.

    Args:
      reward: `[T]`, of the player who acted.
      is_terminal: bool `[T]`.
      is_known: bool `[T]`, whether what followed the action is in the sequence.
      predicted: `[T, 3]`, probabilities.

    Returns:
      `[T, 3]`; the prediction where `is_known` says no.
    """
    chex.assert_rank(predicted, 2)
    chex.assert_equal_shape([reward, is_terminal, is_known])
    ended = two_hot(reward.astype(predicted.dtype), jnp.asarray(REWARD_SUPPORT))[..., ::-1]

    def backward(result_t1: jax.Array, step: tuple[jax.Array, ...]) -> tuple[jax.Array, jax.Array]:
        ended, is_terminal, is_known, predicted = step
        result = jnp.where(is_known, jnp.where(is_terminal, ended, result_t1[::-1]), predicted)
        return result, result

    _, results = jax.lax.scan(backward, predicted[-1], (ended, is_terminal, is_known, predicted), reverse=True)
    return results


class AdvantageScale(struct.PyTreeNode):
    """The running mean."""

    second_moment: jax.Array  # [] float32, m
    decay_product: jax.Array  # [] float32, p, the weight of the start at 0


def initial_scale() -> AdvantageScale:
    """Returns the scale before the first batch."""
    return AdvantageScale(second_moment=jnp.float32(0), decay_product=jnp.float32(1))


def updated_scale(scale: AdvantageScale, advantage: jax.Array, weight: jax.Array, decay: float) -> AdvantageScale:
    """Returns the scale after a batch.

    Args:
      scale: before it.
      advantage: `[...]`.
      weight: `[...]`, 0 for entries that do not count; not all are 0.
      decay: b, in [0, 1).
    """
    chex.assert_equal_shape([advantage, weight])
    mean = jnp.sum(weight * jnp.square(advantage)) / jnp.sum(weight)
    return AdvantageScale(
        second_moment=decay * scale.second_moment + (1.0 - decay) * mean, decay_product=decay * scale.decay_product
    )


def sigma(scale: AdvantageScale, floor: float) -> jax.Array:
    """Returns the divisor of advantages, scalar, at least `floor`; defined after the first batch."""
    return jnp.maximum(jnp.sqrt(scale.second_moment / (1.0 - scale.decay_product)), floor)
