"""Lines through cells are what a walk over the board finds, and a stone matters along its lines only."""

import jax
import jax.numpy as jnp
import numpy as np

from engine.network.products import FLOAT32
from training.self_play.line_features import LineFeatures, lines_through_cells


def slow_lines(planes: np.ndarray, rows: int, columns: int) -> np.ndarray:
    out = np.zeros((*planes.shape[:2], 4, 7, planes.shape[2] + 1))
    for cell in range(rows * columns):
        for line, (down, right) in enumerate([(0, 1), (1, 0), (1, 1), (1, -1)]):
            for place, steps in enumerate(range(-3, 4)):
                row, column = cell // columns + steps * down, cell % columns + steps * right
                if 0 <= row < rows and 0 <= column < columns:
                    out[:, cell, line, place, :-1] = planes[:, row * columns + column]
                    out[:, cell, line, place, -1] = 1
    return out.reshape(*planes.shape[:2], 4, -1)


def test_lines_are_what_a_walk_over_the_board_finds() -> None:
    planes = np.random.default_rng(0).normal(size=(2, 30, 3))
    result = lines_through_cells(jnp.asarray(planes, jnp.float32), (5, 6))
    np.testing.assert_allclose(result, slow_lines(planes, 5, 6), rtol=1e-6)


def test_a_stone_matters_along_its_lines_only() -> None:
    layer = LineFeatures((6, 7), 4, 5, FLOAT32)
    # The middle of the board, row 2 and column 3; the fourth cell of its row and a knight's move away are not.
    boards = jnp.zeros((2, 42, 1)).at[1, 17, 0].set(1.0)
    said = jax.jit(lambda key: layer.init_with_output(key, boards)[0])(jax.random.key(0))
    changed = np.abs(np.asarray(said[1] - said[0])).max(axis=1).reshape(6, 7) > 1e-6
    expected = [
        [0, 1, 0, 1, 0, 1, 0],
        [0, 0, 1, 1, 1, 0, 0],
        [1, 1, 1, 1, 1, 1, 1],
        [0, 0, 1, 1, 1, 0, 0],
        [0, 1, 0, 1, 0, 1, 0],
        [1, 0, 0, 1, 0, 0, 1],
    ]
    np.testing.assert_array_equal(changed, np.array(expected, bool))
