"""Which actions of a position the model is asked about."""

import chex
import jax
import jax.numpy as jnp


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


def drawn(key: jax.Array, log_policy: jax.Array, count: int) -> jax.Array:
    """Returns actions drawn with replacement, int32 `[B, N]`.

    Args:
      key: consumed.
      log_policy: `[B, A]`.
      count: N.
    """
    chex.assert_rank(log_policy, 2)
    draws = jax.random.categorical(key, log_policy[:, None, :], axis=-1, shape=(log_policy.shape[0], count))
    return draws.astype(jnp.int32)
