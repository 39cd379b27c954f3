"""The latent model of chess: where it writes a move, that it turns the board over, and that all of it learns."""

import functools
from typing import Any

import chess
import jax
import jax.numpy as jnp
import numpy as np

from engine.encoding.move_labels import CELLS, move_to_cell
from engine.network.latent_model.dynamics import LatentModel, cell_facts, turned_over
from engine.network.products import FLOAT32

MODEL = LatentModel(width=8, heads=2, bins=5, past_policies=1, product=FLOAT32)
SQUARES = np.random.default_rng(0).normal(size=(3, 64, 6)).astype(np.float32)
CELLS_PLAYED = np.array([12 * 64 + 28, 4096 + (3 * 8 + 4) * 3 + 2, 63], np.int32)


@functools.cache
def params() -> Any:
    return jax.jit(MODEL.init)(jax.random.key(0), SQUARES, CELLS_PLAYED)["params"]


def test_cells_are_read_as_they_are_written() -> None:
    start, end, promotion = cell_facts()
    boards = [
        "4k3/3P4/8/8/8/8/4P3/4K2R w K - 0 1",
        "4k3/8/8/8/8/8/3p4/4K3 b - - 0 1",
        "r3k3/1P6/8/8/8/8/8/4K3 w - - 0 1",
    ]
    kinds = {None: 0, chess.QUEEN: 0, chess.ROOK: 1, chess.BISHOP: 2, chess.KNIGHT: 3}
    for fen in boards:
        board = chess.Board(fen)
        flip = 0 if board.turn == chess.WHITE else 56
        for move in board.legal_moves:
            cell = move_to_cell(board, move)
            assert (start[cell], end[cell]) == (move.from_square ^ flip, move.to_square ^ flip)
            assert promotion[cell] == kinds[move.promotion]
    assert start.shape == (CELLS,)


def test_turning_over_mirrors_the_ranks() -> None:
    latent = jnp.arange(2 * 64 * 3.0).reshape(2, 64, 3)
    np.testing.assert_array_equal(turned_over(latent), np.asarray(latent)[:, np.arange(64) ^ 56])
    np.testing.assert_array_equal(turned_over(turned_over(latent)), latent)


def test_a_move_is_written_on_its_two_squares_only() -> None:
    written = MODEL.apply({"params": params()}, CELLS_PLAYED, method="_move_on_board")
    squares = [set(np.flatnonzero(np.abs(board).max(axis=1)).tolist()) for board in np.asarray(written)]
    assert squares == [{12, 28}, {51, 60}, {0, 63}]


def test_every_parameter_of_the_model_is_heard_through_two_steps() -> None:
    def loss(params: Any) -> jax.Array:
        latent = MODEL.apply({"params": params}, SQUARES, method="embed")
        total = jnp.float32(0)
        for _ in range(2):
            step: Any = MODEL.apply({"params": params}, latent, CELLS_PLAYED, method="advance")
            latent = step.latent
            for logits in (step.heads.policy_logits, step.heads.value_logits, step.reward_logits):
                flat = jax.nn.log_softmax(logits).reshape(3, -1)
                total += jnp.sum(flat * jnp.sin(jnp.arange(flat.shape[1], dtype=jnp.float32))[None]) / flat.size
        assert step.heads.policy_logits.shape == (3, CELLS) and step.heads.value_logits.shape == (3, 2, 5)
        return total

    gradient = jax.jit(jax.grad(loss))(params())
    for path, leaf in jax.tree_util.tree_leaves_with_path(gradient):
        assert np.isfinite(leaf).all() and np.abs(leaf).max() > 1e-9, jax.tree_util.keystr(path)
