"""Which squares are tokens, and moving arrays between squares and tokens by products with one-hot rows.

Products and not gathers: the gradient of a gather is a scatter, which is very slow on CPUs.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from engine.network.network_config import TokenSet

SLOTS = 16  # men a side can have


class Tokens(NamedTuple):
    """The tokens of a batch of boards."""

    select: jax.Array | None  # [B, N, S] float32 one-hot, zero rows for empty slots; None when N = S in order
    is_used: jax.Array  # [B, N] bool

    def gather(self, squares: jax.Array) -> jax.Array:
        """Returns `[B, S, ...]` at the tokens, `[B, N, ...]`."""
        return squares if self.select is None else jnp.einsum("bns,bsf->bnf", self.select, squares)

    def spread(self, tokens: jax.Array) -> jax.Array:
        """Returns `[B, N, D]` on the board, `[B, S, D]`; squares without a token are 0."""
        return tokens if self.select is None else jnp.einsum("bns,bnd->bsd", self.select, tokens)

    def gather_pairs(self, pairs: jax.Array) -> jax.Array:
        """Returns pairs of squares `[B, S, S]` as pairs of tokens `[B, N, N]`."""
        return pairs if self.select is None else self.select @ pairs @ self.select.mT


def tokens_of(position: jax.Array, token_set: TokenSet) -> Tokens:
    """Chooses the tokens.

    Args:
      position: int8 `[B, P]`.
      token_set: `pieces`: the mover's men in slots 0..15 and the opponent's in 16..31, each in the order of their
        squares; `squares`: all 64 in order.

    Returns:
      The tokens.
    """
    men = position[:, :64]
    if token_set == "squares":
        return Tokens(None, jnp.ones(men.shape, bool))
    own, theirs = men > 0, men < 0
    own_slot = jnp.cumsum(own, axis=1, dtype=jnp.int32) - 1
    their_slot = jnp.cumsum(theirs, axis=1, dtype=jnp.int32) - 1 + SLOTS
    slot = jnp.where(own, own_slot, jnp.where(theirs, their_slot, -1))  # [B, S]
    slots = jnp.arange(2 * SLOTS, dtype=jnp.int32)
    select = slot[:, None, :] == slots[None, :, None]  # [B, N, S]
    return Tokens(select.astype(jnp.float32), jnp.any(select, axis=2))
