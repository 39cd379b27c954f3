"""The attention bias by a slow loop over pairs of pieces."""

from typing import Any

import chess
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.encoding.attacks import attacks_of
from engine.network.attention import MASKED
from engine.network.tokens import OFFSETS, RelationBias, tokens_of
from tests.doubles.tiny_network import sparse_positions
from tests.reference.board_facts import attack_matrix, through_matrix
from tests.reference.packed_board import board_of

HEADS = 2


@jax.jit
def _pieces(params: Any, position: Any) -> Any:
    return RelationBias(HEADS).apply({"params": params}, tokens_of(position, "pieces"), attacks_of(position))


@jax.jit
def _squares(params: Any, position: Any) -> Any:
    return RelationBias(HEADS).apply({"params": params}, tokens_of(position, "squares"), attacks_of(position))


BIAS = {"pieces": _pieces, "squares": _squares}


def random_params() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shapes = {"by_offset": (OFFSETS, HEADS), "by_attack": (4, HEADS)}
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def squares_of_tokens(position: np.ndarray, token_set: str) -> list[int | None]:
    if token_set == "squares":
        return list(range(64))
    own, theirs = np.flatnonzero(position[:64] > 0).tolist(), np.flatnonzero(position[:64] < 0).tolist()
    return [*own, *[None] * (16 - len(own)), *theirs, *[None] * (16 - len(theirs))]


def expected_bias(params: dict[str, np.ndarray], board: chess.Board, start: int, end: int) -> np.ndarray:
    """Returns the bias `[H]` of a query on `start` for a key on `end`."""
    ranks = chess.square_rank(end) - chess.square_rank(start)
    files = chess.square_file(end) - chess.square_file(start)
    total = params["by_offset"][(ranks + 7) * 15 + files + 7].copy()
    direct, through = attack_matrix(board), through_matrix(board)
    for kind, relation in enumerate((direct, direct.T, through, through.T)):
        total += params["by_attack"][kind] * relation[start, end]
    return total


@pytest.mark.parametrize("token_set", ["pieces", "squares"])
def test_equals_a_loop_over_pairs(token_set: str) -> None:
    params, rng = random_params(), np.random.default_rng(1)
    batch = sparse_positions()
    bias = np.asarray(BIAS[token_set](params, batch))
    for b, position in enumerate(batch):
        board = board_of(position)
        tokens = squares_of_tokens(position, token_set)
        for _ in range(60):
            n, m = rng.integers(len(tokens), size=2)
            start, end = tokens[n], tokens[m]
            if end is None:
                np.testing.assert_array_equal(bias[b, :, n, m], MASKED)
            elif start is not None:
                np.testing.assert_allclose(bias[b, :, n, m], expected_bias(params, board, start, end), rtol=1e-5)


def test_keys_of_empty_slots_are_masked_for_every_query_and_no_others() -> None:
    batch = sparse_positions()
    bias = np.asarray(BIAS["pieces"](random_params(), batch))
    is_masked = bias == MASKED
    for b, position in enumerate(batch):
        empty = [square is None for square in squares_of_tokens(position, "pieces")]
        assert any(empty) == (b > 0)
        np.testing.assert_array_equal(is_masked[b], np.broadcast_to(empty, (HEADS, 32, 32)))


def test_depends_on_the_step_between_squares_only() -> None:
    # No piece attacks anything here but the kings their neighbours, so far pairs see the step alone.
    position = np.zeros((1, 67), np.int8)
    position[0, [0, 63]] = [6, -6]
    bias = np.asarray(BIAS["squares"](random_params(), position))[0]
    pairs: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for start in range(8, 56):
        for end in range(8, 56):
            step = (end // 8 - start // 8, end % 8 - start % 8)
            if not {start, end} & {8, 9, 54, 55}:
                pairs.setdefault(step, []).append((start, end))
    seen = set()
    for same in pairs.values():
        values = np.array([bias[:, start, end] for start, end in same])
        np.testing.assert_array_equal(values, np.broadcast_to(values[0], values.shape))
        seen.add(tuple(values[0]))
    assert len(seen) == len(pairs)


def test_fresh_bias_is_zero_but_for_the_mask() -> None:
    params = {name: np.zeros_like(value) for name, value in random_params().items()}
    bias = BIAS["pieces"](params, sparse_positions())
    assert set(np.unique(bias)) == {np.float32(MASKED), np.float32(0)}
    assert bool(jnp.all(jnp.any(bias == 0, axis=-1)))
