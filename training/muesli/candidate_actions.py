"""Chooses the actions of a position that are valued one step ahead, for CMPO."""

import chex
import jax
import jax.numpy as jnp

from engine.network.attention import MASKED
from training.muesli.muesli_config import MuesliConfig


def candidates(
    config: MuesliConfig, most_legal: int, legal: jax.Array, log_prior: jax.Array, key: jax.Array
) -> jax.Array:
    """Returns the candidates that the settings ask for, int32 `[B, N]`, -1 where there are no more.

    Args:
      config: all legal actions (`cmpo_mode` exact), draws from the prior (sampled) or its most probable ones (best).
      most_legal: as many legal actions as a position can have.
      legal: bool `[B, A]`.
      log_prior: `[B, A]`.
      key: consumed.
    """
    if config.cmpo_mode == "sampled":
        return drawn(key, log_prior, config.cmpo_samples)
    if config.cmpo_mode == "best":
        actions, is_candidate = most_probable(legal, log_prior, min(config.cmpo_samples, most_legal))
    else:
        actions, is_candidate = all_legal(legal, most_legal)
    return jnp.where(is_candidate, actions, -1)


def all_legal(legal: jax.Array, most: int) -> tuple[jax.Array, jax.Array]:
    """Returns the legal actions of each position in ascending order, padded.

    Args:
      legal: bool `[B, A]`.
      most: N, as many as a position can have; if it is A, the list is simply all actions.

    Returns:
      Actions int32 `[B, N]`, and bool `[B, N]` which of them are legal.
    """
    chex.assert_rank(legal, 2)
    batch, size = legal.shape
    if most >= size:
        return jnp.broadcast_to(jnp.arange(size, dtype=jnp.int32)[None], (batch, size)), legal
    # The first `most` of the legal actions, as those with the largest key; the keys of illegal ones are negative.
    keys = jnp.where(legal, size - jnp.arange(size, dtype=jnp.int32)[None], -1)
    found, actions = jax.lax.top_k(keys, most)
    return actions.astype(jnp.int32), found > 0


def most_probable(legal: jax.Array, log_policy: jax.Array, count: int) -> tuple[jax.Array, jax.Array]:
    """Returns the most probable legal actions, the best first, padded.

    Args:
      legal: bool `[B, A]`.
      log_policy: `[B, A]`.
      count: N.

    Returns:
      Actions int32 `[B, N]`, and bool `[B, N]` which of them are legal.
    """
    chex.assert_equal_shape([legal, log_policy])
    _, actions = jax.lax.top_k(jnp.where(legal, log_policy, -jnp.inf), count)
    return actions.astype(jnp.int32), jnp.take_along_axis(legal, actions, axis=1)


def drawn(key: jax.Array, log_policy: jax.Array, count: int) -> jax.Array:
    """Returns actions drawn with replacement, int32 `[B, N]`.

    Args:
      key: consumed.
      log_policy: `[B, A]`.
      count: N.
    """
    chex.assert_rank(log_policy, 2)
    # By the cumulative distribution: one random number a draw, where Gumbel noise takes one an action.
    sums = jnp.cumsum(jnp.exp(log_policy), axis=1)  # [B, A]
    heights = jax.random.uniform(key, (log_policy.shape[0], count)) * sums[:, -1:]
    draws = jnp.sum(sums[:, None, :] <= heights[..., None], axis=-1, dtype=jnp.int32)
    # Partial sums are rounded, so that a draw may very rarely fall beside the actions that have a probability.
    draws = jnp.minimum(draws, log_policy.shape[1] - 1)
    is_possible = jnp.take_along_axis(log_policy, draws, axis=1) > 0.5 * MASKED
    return jnp.where(is_possible, draws, jnp.argmax(log_policy, axis=1)[:, None].astype(jnp.int32))
