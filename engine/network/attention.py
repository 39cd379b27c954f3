"""Computes multi-head attention with a bias on the logits, and records it at every state of a recursion."""

from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn

from engine.network.products import MakeProjection, Product, Projection

MASKED = -1e9  # logit of a masked key or an illegal move; finite, so a fully masked row has gradient 0 and not NaN


def attend(query: jax.Array, key: jax.Array, value: jax.Array, bias: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Attends with a bias on the logits.

    Args:
      query: `[B, H, N, C]`.
      key: `[B, H, M, C]`.
      value: `[B, H, M, C]`.
      bias: added to the logits, broadcastable to `[B, H, N, M]`; `MASKED` where attention is not allowed.

    Returns:
      Output `[B, H, N, C]` and weights `[B, H, N, M]` that sum to 1 over M.
    """
    chex.assert_rank([query, key, value, bias], 4)
    logits = jnp.einsum("bhnc,bhmc->bhnm", query, key) * query.shape[-1] ** -0.5
    weights = jax.nn.softmax(logits + bias, axis=-1)
    return jnp.einsum("bhnm,bhmc->bhnc", weights, value), weights


def split_heads(x: jax.Array, heads: int) -> jax.Array:
    """Returns `[B, N, H * C]` as `[B, H, N, C]`."""
    batch, count, width = x.shape
    return x.reshape(batch, count, heads, width // heads).transpose(0, 2, 1, 3)


def merge_heads(x: jax.Array) -> jax.Array:
    """Returns `[B, H, N, C]` as `[B, N, H * C]`."""
    batch, heads, count, width = x.shape
    return x.transpose(0, 2, 1, 3).reshape(batch, count, heads * width)


class SelfAttention(nn.Module):
    """Lets the tokens attend to each other.

    Attributes:
      heads: H.
      product: of the projections.
      projection: makes them.
    """

    heads: int
    product: Product
    projection: MakeProjection = Projection

    @nn.compact
    def __call__(self, x: jax.Array, bias: jax.Array) -> jax.Array:
        """Mixes tokens.

        Sows the weights `[B, H, N, N]` as `intermediates/attention`, at no cost unless a caller asks for the
        collection.

        Args:
          x: `[B, N, D]`.
          bias: `[B, H, N, N]`, or broadcastable to it.

        Returns:
          `[B, N, D]`.
        """
        chex.assert_rank(x, 3)
        qkv = self.projection(3 * x.shape[-1], self.product, name="query_key_value")(x)
        query, key, value = (split_heads(part, self.heads) for part in jnp.split(qkv, 3, axis=-1))
        mixed, weights = attend(query, key, value, bias)
        self.sow("intermediates", "attention", weights)
        return self.projection(x.shape[-1], self.product, name="output")(merge_heads(mixed))


class AttentionTrace(NamedTuple):
    """Holds attention and residual at each state of a recursion."""

    attention: jax.Array  # [I, blocks, B, H, N, N] float32: block, board, head, query, key; sums to 1 over keys
    residual: jax.Array  # [I, B] float32, relative residual ||f(z) - z|| / ||f(z)||


def attention_of(intermediates: Any) -> jax.Array:
    """Returns the attention that blocks have sown, in the order they were applied: `[blocks, B, H, N, N]`."""
    return jnp.stack(list(_sown(intermediates)))


def _sown(tree: Any) -> list[jax.Array]:
    if "attention" in tree and isinstance(tree["attention"], tuple):
        return list(tree["attention"])
    return [weights for child in tree.values() for weights in _sown(child)]
