"""Learned attention biases from the geometry of the board and from who attacks whom."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from engine.encoding import geometry
from engine.encoding.attacks import Attacks
from engine.network.attention import MASKED
from engine.network.tokens import Tokens

OFFSETS = 15 * 15


def _offset_table() -> np.ndarray:
    """Returns one-hot `[S * S, OFFSETS]`: the step in ranks and files from one square to another.

    Same rank, file and diagonal, distance and knight's move are all functions of this step.
    """
    index = (geometry.RANK_STEP + 7) * 15 + geometry.FILE_STEP + 7
    return np.eye(OFFSETS, dtype=np.float32)[index.reshape(-1)]


_OFFSET = _offset_table()
_KINDS = 4  # attacks, is attacked, attacks through one man, is attacked through one man


class RelationBias(nn.Module):
    """Attention bias `[B, H, N, N]`: a learned number for each step between squares and each attack relation.

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
