"""What a recursion attends to, and how far it still moves, state by state."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp


class AttentionTrace(NamedTuple):
    """Attention and residual at each state of a recursion."""

    attention: jax.Array  # [I, blocks, B, H, N, N] float32: block, board, head, query, key; sums to 1 over keys
    residual: jax.Array  # [I, B] float32, relative residual ||f(z) - z|| / ||f(z)||


def attention_of(intermediates: Any) -> jax.Array:
    """Returns the attention that blocks have sown, in the order they were applied: `[blocks, B, H, N, N]`."""
    return jnp.stack(list(_sown(intermediates)))


def _sown(tree: Any) -> list[jax.Array]:
    if "attention" in tree and isinstance(tree["attention"], tuple):
        return list(tree["attention"])
    return [weights for child in tree.values() for weights in _sown(child)]
