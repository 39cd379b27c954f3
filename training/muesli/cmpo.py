"""Clipped maximum a posteriori policy optimisation: the target policy of Muesli (Hessel et al. 2021, eq. 7-12).

    pi_CMPO(a | s) = pi_prior(a | s) exp(clip(adv(s, a), -c, c)) / z(s)

The clip bounds the total variation between the two policies by tanh(c / 2), whatever the scale of the advantages. A
target is held as weights over all actions; the loss is the same cross-entropy for the exact and the sampled one. For
one state; the learner vmaps.
"""

import chex
import jax
import jax.numpy as jnp

from engine.network.attention import MASKED


def legal_log_policy(logits: jax.Array, legal: jax.Array) -> jax.Array:
    """Returns log-probabilities `[..., A]`, about `MASKED` where `legal` is false.

    Args:
      logits: `[..., A]`.
      legal: `[..., A]` bool; where no action is legal the policy is uniform over all.
    """
    chex.assert_equal_shape([logits, legal])
    return jax.nn.log_softmax(jnp.where(legal, logits, MASKED), axis=-1)


def exact_target(log_prior: jax.Array, advantage: jax.Array, is_candidate: jax.Array, clip: float) -> jax.Array:
    """Returns pi_CMPO over a list of distinct actions that holds all legal ones.

    Args:
      log_prior: `[N]`, log-probabilities of the prior.
      advantage: `[N]`, normalised.
      is_candidate: `[N]` bool, false for padding; its other entries are not read.
      clip: c, above 0.

    Returns:
      `[N]`, sums to 1, 0 at padding.
    """
    chex.assert_rank(log_prior, 1)
    chex.assert_equal_shape([log_prior, advantage, is_candidate])
    improved = jnp.where(is_candidate, log_prior + jnp.clip(advantage, -clip, clip), MASKED)
    return jnp.where(is_candidate, jax.nn.softmax(improved), 0.0)


def partial_target(
    log_prior: jax.Array, actions: jax.Array, advantage: jax.Array, is_candidate: jax.Array, clip: float
) -> jax.Array:
    """Returns pi_CMPO with known advantages of some actions and 0 for all others.

    Args:
      log_prior: `[A]`, from `legal_log_policy`.
      actions: int32 `[N]`, distinct but for padding.
      advantage: `[N]`, normalised, against the prior's mean over these actions: else the others would gain or lose
        together.
      is_candidate: `[N]` bool, false for padding; its other entries are not read.
      clip: c, above 0.

    Returns:
      `[A]`, sums to 1, 0 at illegal actions.
    """
    chex.assert_equal_shape([actions, advantage, is_candidate])
    known = jnp.where(is_candidate, jnp.clip(advantage, -clip, clip), 0.0)
    return jax.nn.softmax(log_prior + over_all_actions(actions, known, log_prior.shape[0]))


def sampled_target(advantage: jax.Array, clip: float) -> jax.Array:
    """Returns the weights of draws from the prior whose weighted sum of -log pi estimates the loss (eq. 11-12).

    Each draw is normalised by what the others say of z, with one pseudo-draw of advantage 0 (leave-one-out, z_init =
    1).

    Args:
      advantage: `[N]`, normalised, of N actions drawn from the prior with replacement.
      clip: c, above 0.

    Returns:
      `[N]`; their sum is 1 only in expectation.
    """
    chex.assert_rank(advantage, 1)
    improvement = jnp.exp(jnp.clip(advantage, -clip, clip))
    draws = advantage.shape[0]
    normaliser = (1.0 + jnp.sum(improvement) - improvement) / draws
    return improvement / normaliser / draws


def over_all_actions(actions: jax.Array, weights: jax.Array, size: int) -> jax.Array:
    """Adds up the weights of a list of actions.

    Args:
      actions: int32 `[N]`, repetitions allowed.
      weights: `[N]`.
      size: A.

    Returns:
      `[A]`.
    """
    chex.assert_equal_shape([actions, weights])
    return jnp.zeros((size,), weights.dtype).at[actions].add(weights)


def cross_entropy(log_policy: jax.Array, target: jax.Array) -> jax.Array:
    """Returns -sum_a target(a) log pi(a); its gradient to pi is that of KL(target || pi) for a target that sums to 1.

    Args:
      log_policy: `[..., A]` from `legal_log_policy`.
      target: `[..., A]`, weights, 0 at illegal actions.
    """
    chex.assert_equal_shape([log_policy, target])
    return -jnp.sum(jnp.where(target > 0, target * log_policy, 0.0), axis=-1)


def entropy(target: jax.Array) -> jax.Array:
    """Returns -sum_a p(a) log p(a) of weights `[..., A]`."""
    return -jnp.sum(jnp.where(target > 0, target * jnp.log(jnp.maximum(target, 1e-30)), 0.0), axis=-1)
