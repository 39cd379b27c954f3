"""Draws random chess endings by the rules alone: kings, some pieces, and neither king in check.

One side has a queen, a rook or a pawn at least and may have more pieces than the other, so that most of these positions
can be won, many of them within a few moves. No teacher says which.
"""

import jax
import jax.numpy as jnp
import numpy as np

from training.games.chess_legality import is_in_check
from training.games.pgx_chess import start_state, state_of_pieces, turned_over
from training.games.pgx_rules import State

_TRIES = 16  # placements; with the kings and eight pieces one in three has no check
_PAWN, _ROOK, _QUEEN, _KING = 1, 4, 5, 6
_MOST_PAWNS = 8
# Shares of pawn, knight, bishop, rook and queen among the pieces, and for the one piece that can always win.
_ANY_PIECE = np.log(np.array([0.4, 0.15, 0.15, 0.2, 0.1], np.float32))
_WINNING_PIECE = np.log(np.array([0.3, 1e-9, 1e-9, 0.3, 0.4], np.float32))


def random_ending(key: jax.Array, most_pieces: int) -> State:
    """Returns a legal position that is not over; the initial position in the rare case that none is found.

    Args:
      key: consumed.
      most_pieces: of a side beside its king, 1 to 15.
    """
    pieces_key, color_key, start_key = jax.random.split(key, 3)
    tries = jax.vmap(lambda key: _placement(key, most_pieces))(jax.random.split(pieces_key, _TRIES))
    has_no_check = ~jax.vmap(is_in_check)(tries) & ~jax.vmap(lambda x: is_in_check(turned_over(x)))(tries)
    pieces = tries[jnp.argmax(has_no_check)]
    color = jax.random.bernoulli(color_key).astype(jnp.int32)
    ending, initial = state_of_pieces(start_key, pieces, color), start_state(start_key)
    is_usable = has_no_check.any() & ~ending.terminated
    return jax.tree.map(lambda a, b: jnp.where(is_usable, a, b), ending, initial)


def _placement(key: jax.Array, most_pieces: int) -> jax.Array:
    """Returns kings and pieces on random squares in the view of the side to move, int8 `[S]`; kings may be in check."""
    count_key, kind_key, win_key, square_key, side_key = jax.random.split(key, 5)
    # The stronger side has 1 to M pieces, the other one 0 to M.
    counts = jax.random.randint(count_key, (2,), jnp.array([1, 0]), most_pieces + 1, jnp.int32)
    kinds = 1 + jax.random.categorical(kind_key, jnp.asarray(_ANY_PIECE), shape=(2, most_pieces))
    kinds = kinds.at[0, 0].set(1 + jax.random.categorical(win_key, jnp.asarray(_WINNING_PIECE)))
    slots = jnp.arange(most_pieces, dtype=jnp.int32)[None]
    kinds = jnp.where((kinds == _PAWN) & (slots >= _MOST_PAWNS), _ROOK, kinds)
    is_there = slots < counts[:, None]
    kings = jnp.full((2, 1), _KING, jnp.int32)
    pieces = jnp.concatenate([kings, jnp.where(is_there, kinds, 0)], axis=1)  # [2, 1 + M]
    squares = jax.random.permutation(square_key, 64)[: pieces.size].reshape(pieces.shape)
    # No pawn stands on the first or last rank.
    pieces = jnp.where((pieces == _PAWN) & ((squares < 8) | (squares >= 56)), _QUEEN, pieces)
    stronger = jnp.where(jax.random.bernoulli(side_key), 1, -1)
    signed = pieces * jnp.stack([stronger, -stronger])[:, None]
    return jnp.zeros((64,), jnp.int8).at[squares.reshape(-1)].set(signed.reshape(-1).astype(jnp.int8))
