"""Reads the policy, from pieces to the squares they go to, and the value of the whole board from the state."""

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn

from engine.encoding.move_labels import CELLS
from engine.network.attention import attend, merge_heads, split_heads
from engine.network.network_config import NetworkConfig
from engine.network.products import FLOAT32, Product, Projection
from engine.network.tokens import Tokens


class PolicyHead(nn.Module):
    """Computes the logits of all policy cells: query of the moving piece times key of its target square.

    The key of a square is made from its static features, from the piece that stands there, and from attention to the
    tokens, so it knows what would await an arriving piece.

    Attributes:
      config: the network's.
      product: of the larger projections.
    """

    config: NetworkConfig
    product: Product

    @nn.compact
    def __call__(self, z: jax.Array, tokens: Tokens, features: jax.Array, mask: jax.Array) -> jax.Array:
        """Computes the logits.

        Args:
          z: state `[B, N, D]`.
          tokens: of the batch.
          features: static features `[B, S, F]`.
          mask: `[B, 1, 1, N]`, 0, or `MASKED` at empty slots.

        Returns:
          Logits `[B, Z]` of all cells, legal or not.
        """
        chex.assert_rank([z, features, mask], [3, 3, 4])
        keys = self._square_keys(z, tokens, features, mask)  # [B, S, policy_width]
        queries = Projection(self.config.policy_width, self.product, name="query")(z)
        scale = self.config.policy_width**-0.5
        from_tokens = jnp.einsum("bnd,bsd->bns", queries, keys) * scale  # [B, N, S]
        plain = tokens.spread(from_tokens)  # [B, S from, S to]
        # Under-promotions differ from the queen's by offsets of the target square for the three pieces.
        offsets = Projection(3, FLOAT32, name="under_promotion")(keys[:, 56:])  # [B, 8, 3]
        under = plain[:, 48:56, 56:, None] + offsets[:, None]  # [B, 8 from file, 8 to file, 3]
        batch = z.shape[0]
        logits = jnp.concatenate([plain.reshape(batch, 4096), under.reshape(batch, 192)], axis=1)
        chex.assert_shape(logits, (batch, CELLS))
        return logits

    def _square_keys(self, z: jax.Array, tokens: Tokens, features: jax.Array, mask: jax.Array) -> jax.Array:
        width, heads = self.config.policy_width, self.config.policy_heads
        squares = Projection(width, FLOAT32, name="square_features")(features)
        squares += self.param("square_embedding", nn.initializers.normal(0.02), (64, width))[None]
        squares += tokens.spread(Projection(width, self.product, name="occupant")(z))
        squares = nn.RMSNorm(name="norm_squares")(squares)
        query = split_heads(Projection(width, self.product, name="square_query")(squares), heads)
        key, value = jnp.split(Projection(2 * width, self.product, name="token_key_value")(z), 2, axis=-1)
        seen, _ = attend(query, split_heads(key, heads), split_heads(value, heads), mask)
        squares += Projection(width, self.product, name="seen")(merge_heads(seen))
        hidden = jnp.square(nn.relu(Projection(2 * width, self.product, name="hidden")(squares)))
        squares = nn.RMSNorm(name="norm_keys")(squares + Projection(width, self.product, name="mapped")(hidden))
        return Projection(width, self.product, name="key")(squares)


class ValueHead(nn.Module):
    """Predicts win, draw, loss and the distribution of the expected score.

    Attributes:
      config: the network's.
    """

    config: NetworkConfig

    @nn.compact
    def __call__(self, z: jax.Array, is_used: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Computes the logits for the side to move.

        Args:
          z: state `[B, N, D]`.
          is_used: `[B, N]`, false at empty slots.

        Returns:
          Logits `[B, 3]` of win, draw, loss, and `[B, bins]` over the expected score from 0 to 1.
        """
        chex.assert_rank([z, is_used], [3, 2])
        used = is_used[:, :, None].astype(jnp.float32)
        each = jnp.square(nn.relu(Projection(self.config.value_width, FLOAT32, name="token")(z)))
        mean = jnp.sum(each * used, axis=1) / jnp.sum(used, axis=1)
        hidden = nn.relu(nn.Dense(self.config.value_width, name="hidden")(nn.RMSNorm(name="norm")(mean)))
        return nn.Dense(3, name="win_draw_loss")(hidden), nn.Dense(self.config.value_bins, name="bins")(hidden)
