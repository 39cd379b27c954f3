"""Which squares are tokens, and the learned attention bias between each pair of them.

Arrays move between squares and tokens by products with one-hot rows: the gradient of a gather is a scatter, which is
very slow on CPUs.
"""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from engine.encoding import geometry
from engine.encoding.attacks import Attacks
from engine.network.attention import MASKED
from engine.network.network_config import TokenSet

SLOTS = 16  # most pieces of a side
OFFSETS = 15 * 15  # steps in ranks and files from one square to another
_KINDS = 4  # attacks, is attacked, attacks through one piece, is attacked through one piece


class Tokens(NamedTuple):
    """Says which squares of a batch of boards are tokens, and moves arrays to them and back."""

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
      token_set: `pieces`: the mover's pieces in slots 0..15 and the opponent's in 16..31, each in the order of their
        squares; `squares`: all 64 in order.

    Returns:
      The tokens.
    """
    squares = position[:, :64]
    if token_set == "squares":
        return Tokens(None, jnp.ones(squares.shape, bool))
    own, theirs = squares > 0, squares < 0
    own_slot = jnp.cumsum(own, axis=1, dtype=jnp.int32) - 1
    their_slot = jnp.cumsum(theirs, axis=1, dtype=jnp.int32) - 1 + SLOTS
    slot = jnp.where(own, own_slot, jnp.where(theirs, their_slot, -1))  # [B, S]
    slots = jnp.arange(2 * SLOTS, dtype=jnp.int32)
    select = slot[:, None, :] == slots[None, :, None]  # [B, N, S]
    return Tokens(select.astype(jnp.float32), jnp.any(select, axis=2))


def _offset_table() -> np.ndarray:
    """Returns the step from one square to another, one-hot `[S * S, OFFSETS]`.

    Same rank, file and diagonal, distance and knight's move are all functions of this step.
    """
    index = (geometry.RANK_STEP + 7) * 15 + geometry.FILE_STEP + 7
    return np.eye(OFFSETS, dtype=np.float32)[index.reshape(-1)]


_OFFSET = _offset_table()


class RelationBias(nn.Module):
    """Computes an attention bias from learned numbers for each step between squares and each attack relation.

    Attributes:
      heads: H.
    """

    heads: int

    @nn.compact
    def __call__(self, tokens: Tokens, attacks: Attacks) -> jax.Array:
        """Computes the bias, `MASKED` at keys that are empty slots.

        Args:
          tokens: of the batch.
          attacks: of the same batch.

        Returns:
          float32 `[B, H, N, N]`.
        """
        chex.assert_shape(attacks.direct, (tokens.is_used.shape[0], 64, 64))
        by_offset = self.param("by_offset", nn.initializers.zeros, (OFFSETS, self.heads))
        by_attack = self.param("by_attack", nn.initializers.zeros, (_KINDS, self.heads))
        table = (jnp.asarray(_OFFSET) @ by_offset).reshape(64, 64, self.heads)
        direct, through = tokens.gather_pairs(attacks.direct), tokens.gather_pairs(attacks.through)
        relations = jnp.stack([direct, direct.mT, through, through.mT], axis=1)  # [B, 4, N, N]
        bias = jnp.einsum("brnm,rh->bhnm", relations, by_attack) + self._at_tokens(table, tokens)
        return jnp.where(tokens.is_used[:, None, None, :], bias, MASKED)

    def _at_tokens(self, table: jax.Array, tokens: Tokens) -> jax.Array:
        """Returns the table `[S, S, H]` at pairs of tokens, `[B or 1, H, N, N]`."""
        if tokens.select is None:
            return table.transpose(2, 0, 1)[None]
        batch, count, _ = tokens.select.shape
        # One large product over all tokens of the batch, then a small one a board.
        rows = tokens.select.reshape(-1, 64) @ table.transpose(0, 2, 1).reshape(64, -1)
        rows = rows.reshape(batch, count * self.heads, 64)
        pairs = rows @ tokens.select.mT  # [B, N * H, N]
        return pairs.reshape(batch, count, self.heads, count).transpose(0, 2, 1, 3)
