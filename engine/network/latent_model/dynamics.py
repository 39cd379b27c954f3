"""Learns a model of chess: the latent after a move, for Muesli's one-step look-ahead and its training.

A latent is `[B, S, W]`, one vector a square in the view of the side to move. A model step writes the move on it, mixes
the squares once, and turns the board over: the rules' view is the opponent's then, and without the turn the model would
have to learn the mirror image itself.
"""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from engine.encoding.move_labels import CELLS
from engine.network.attention import SelfAttention
from engine.network.block import FeedForward
from engine.network.products import FLOAT32, Product, Projection

_SQUARES = 64
_PROMOTIONS = 4  # none or queen, rook, bishop, knight


class LatentHeads(NamedTuple):
    """Holds the predictions from a latent, for the side to move."""

    policy_logits: jax.Array  # [B, Z]
    value_logits: jax.Array  # [B, 1 + M, V], the current policy's and those of M past ones


class LatentStep(NamedTuple):
    """Holds the result of a move."""

    latent: jax.Array  # [B, S, W], in the view of the opponent
    reward_logits: jax.Array  # [B, 3] over -1, 0, 1, for the player who moved
    heads: LatentHeads  # for the opponent


def cell_facts() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns from-square, to-square and promotion (0 none or queen, 1 rook, 2 bishop, 3 knight) of cells, `[Z]`."""
    cell = np.arange(CELLS, dtype=np.int32)
    under = cell - _SQUARES * _SQUARES
    files = under // 3
    is_under = under >= 0
    start = np.where(is_under, 48 + files // 8, cell // _SQUARES)
    end = np.where(is_under, 56 + files % 8, cell % _SQUARES)
    return start, end, np.where(is_under, 1 + under % 3, 0)


_FROM, _TO, _PROMOTION = cell_facts()


def turned_over(latent: jax.Array) -> jax.Array:
    """Returns squares `[B, S, W]` as the opponent sees them: ranks from the other side, files stay."""
    ranks = latent.reshape(latent.shape[0], 8, 8, latent.shape[-1])
    return ranks[:, ::-1].reshape(latent.shape)


class LatentModel(nn.Module):
    """Maps the network's state to a latent, a latent and a move to the next latent, and latents to predictions.

    Attributes:
      width: W.
      heads: H of the attention.
      bins: V, points of the value's distribution.
      past_policies: M.
      product: of the projections of a model step.
    """

    width: int
    heads: int
    bins: int
    past_policies: int
    product: Product

    def setup(self) -> None:
        """Declares the parts."""
        small = nn.initializers.normal(0.02)
        self.embedding = Projection(self.width, FLOAT32)
        self.square_embedding = self.param("square_embedding", nn.initializers.normal(0.5), (_SQUARES, self.width))
        self.norm_embedding, self.norm_in = nn.RMSNorm(), nn.RMSNorm()
        self.move_embedding = self.param("move_embedding", nn.initializers.normal(1.0), (2 + _PROMOTIONS, self.width))
        self.square_bias = self.param("square_bias", small, (self.heads, _SQUARES, _SQUARES))
        self.attention, self.norm_attention = SelfAttention(self.heads, self.product), nn.RMSNorm()
        self.feed_forward, self.norm_out = FeedForward(2 * self.width, self.product), nn.RMSNorm()
        self.query, self.key = Projection(self.width, FLOAT32), Projection(self.width, FLOAT32)
        self.under_promotion = Projection(3, FLOAT32)
        self.value_hidden = nn.Dense(self.width)
        self.value_bins = nn.Dense((1 + self.past_policies) * self.bins)
        self.reward_hidden, self.reward_classes = nn.Dense(self.width), nn.Dense(3)

    def __call__(self, squares: jax.Array, cell: jax.Array) -> tuple[LatentHeads, LatentStep]:
        """Runs every part once, to create the parameters."""
        latent = self.embed(squares)
        return self.predict(latent), self.advance(latent, cell)

    def embed(self, squares: jax.Array) -> jax.Array:
        """Returns the latent `[B, S, W]` of a position whose state on the board is `squares`, `[B, S, D]`."""
        chex.assert_shape(squares, (None, _SQUARES, None))
        return self.norm_embedding(self.embedding(squares) + self.square_embedding[None])

    def advance(self, latent: jax.Array, cell: jax.Array) -> LatentStep:
        """Makes a move.

        Args:
          latent: `[B, S, W]`.
          cell: int32 `[B]`, policy cell of the move.

        Returns:
          The latent after it, its reward and predictions.
        """
        chex.assert_shape(latent, (None, _SQUARES, self.width))
        x = self.norm_in(latent + self._move_on_board(cell))
        x = self.norm_attention(x + self.attention(x, self.square_bias[None]))
        x = self.norm_out(x + self.feed_forward(x))
        reward = self.reward_classes(nn.relu(self.reward_hidden(jnp.mean(x, axis=1))))
        after = turned_over(x)
        return LatentStep(after, reward, self.predict(after))

    def predict(self, latent: jax.Array) -> LatentHeads:
        """Reads a latent `[B, S, W]`."""
        batch = latent.shape[0]
        key = self.key(latent)
        plain = jnp.einsum("bsw,btw->bst", self.query(latent), key) * self.width**-0.5  # [B, S from, S to]
        offsets = self.under_promotion(key[:, 56:])  # [B, 8 to file, 3]
        under = plain[:, 48:56, 56:, None] + offsets[:, None]  # [B, 8 from file, 8 to file, 3]
        policy = jnp.concatenate([plain.reshape(batch, -1), under.reshape(batch, -1)], axis=1)
        value = self.value_bins(nn.relu(self.value_hidden(jnp.mean(latent, axis=1))))
        return LatentHeads(policy, value.reshape(batch, 1 + self.past_policies, self.bins))

    def _move_on_board(self, cell: jax.Array) -> jax.Array:
        """Returns `[B, S, W]`: one vector on the square a move starts from, another on the one it goes to."""
        start, end = jnp.asarray(_FROM)[cell], jnp.asarray(_TO)[cell]
        promotion = jax.nn.one_hot(jnp.asarray(_PROMOTION)[cell], _PROMOTIONS) @ self.move_embedding[2:]  # [B, W]
        arrives = self.move_embedding[1][None] + promotion
        departs = jnp.broadcast_to(self.move_embedding[:1], arrives.shape)
        return jax.nn.one_hot(start, _SQUARES)[..., None] * departs[:, None] + (
            jax.nn.one_hot(end, _SQUARES)[..., None] * arrives[:, None]
        )
