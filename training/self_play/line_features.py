"""Reads the four lines through every cell: a first layer for games that are decided along lines.

One small layer reads a line of seven cells, another combines the four lines; both are shared by all cells, so that a
pattern such as three stones in a row and a free cell is learned once and not for every place.
"""

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn

from engine.network.products import Product, Projection

_REACH = 3  # cells to each side, as far as four in a row goes
_DIRECTIONS = ((0, 1), (1, 0), (1, 1), (1, -1))  # rows and columns a step


def lines_through_cells(planes: jax.Array, board: tuple[int, int]) -> jax.Array:
    """Returns the facts of the seven cells of every line through every cell, and whether each is on the board.

    Args:
      planes: `[B, S, P]`, facts of cells.
      board: rows and columns, S in all.

    Returns:
      `[B, S, 4, 7 (P + 1)]`: along the row, the column, and the two diagonals; 0 outside the board.
    """
    rows, columns = board
    chex.assert_shape(planes, (None, rows * columns, None))
    batch = planes.shape[0]
    is_on_board = jnp.ones((*planes.shape[:2], 1), planes.dtype)
    facts = jnp.concatenate([planes, is_on_board], axis=-1).reshape(batch, rows, columns, -1)
    around = ((0, 0), (_REACH, _REACH), (_REACH, _REACH), (0, 0))
    padded = jnp.pad(facts, around)

    def shifted(down: int, right: int) -> jax.Array:
        top, left = _REACH + down, _REACH + right
        return padded[:, top : top + rows, left : left + columns]

    steps = range(-_REACH, _REACH + 1)
    lines = [jnp.concatenate([shifted(down * k, right * k) for k in steps], axis=-1) for down, right in _DIRECTIONS]
    return jnp.stack(lines, axis=3).reshape(batch, rows * columns, len(_DIRECTIONS), -1)


class LineFeatures(nn.Module):
    """Features of every cell from the lines through it.

    Attributes:
      board: rows and columns, S in all.
      features: of a line.
      channels: D of the result.
      product: of the three layers.
    """

    board: tuple[int, int]
    features: int
    channels: int
    product: Product

    @nn.compact
    def __call__(self, planes: jax.Array) -> jax.Array:
        """Returns `[B, S, D]` for planes `[B, S, P]`."""
        lines = lines_through_cells(planes, self.board)
        read = nn.relu(Projection(self.features, self.product, name="line")(lines))
        hidden = Projection(2 * self.features, self.product, name="cell")(read.reshape(*planes.shape[:2], -1))
        return Projection(self.channels, self.product, name="output")(nn.relu(hidden))
