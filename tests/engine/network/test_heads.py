"""The heads cell by cell, and what the network's outputs may and may not depend on."""

from typing import Any

import chess
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.encoding.move_labels import legal_moves_and_cells, move_to_cell
from engine.encoding.position import encode_position
from engine.encoding.square_features import square_features
from engine.network.attention import MASKED
from engine.network.heads import PolicyHead, ValueHead
from engine.network.model import NetworkOutput
from engine.network.products import FLOAT32
from engine.network.tokens import tokens_of
from tests.doubles.tiny_network import (
    forward,
    param_shapes,
    positions,
    sparse_positions,
    stirred,
    tiny_config,
    training_network,
)
from tests.reference.heads_reference import policy_logits, square_keys, value_logits
from tests.reference.random_games import varied_positions

CONFIG = tiny_config()
NETWORK = training_network(CONFIG)


@pytest.fixture(scope="module")
def params() -> Any:
    return stirred(param_shapes(NETWORK))


def state_and_slots(position: np.ndarray) -> tuple[np.ndarray, list[list[int | None]]]:
    z = np.random.default_rng(0).normal(size=(len(position), 32, CONFIG.width)).astype(np.float32)
    slots: list[list[int | None]] = []
    for board in position[:, :64]:
        own, theirs = np.flatnonzero(board > 0).tolist(), np.flatnonzero(board < 0).tolist()
        slots.append([*own, *[None] * (16 - len(own)), *theirs, *[None] * (16 - len(theirs))])
    return z, slots


def test_policy_equals_query_times_key_cell_by_cell(params: Any) -> None:
    position = sparse_positions()
    z, slots = state_and_slots(position)
    features = square_features(position)

    @jax.jit
    def apply(params: Any, z: Any, position: Any, features: Any) -> Any:
        tokens = tokens_of(position, "pieces")
        mask = jnp.where(tokens.is_used, 0.0, MASKED)[:, None, None, :]
        return PolicyHead(CONFIG, FLOAT32).apply({"params": params}, z, tokens, features, mask)

    logits = apply(params["policy"], z, position, features)
    keys = square_keys(params["policy"], CONFIG.policy_heads, z, slots, features)
    expected = policy_logits(params["policy"], z, keys, slots)
    # Logits are sums of 32 products of size 1 behind four float32 layers.
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4)
    # Squares without a piece say nothing, except what a target rank says of under-promotions.
    empty = position[1, :64] == 0
    np.testing.assert_array_equal(np.asarray(logits)[1, :4096].reshape(64, 64)[empty], 0)
    assert np.abs(expected[1, :4096].reshape(64, 64)[~empty]).min() > 0


def test_value_averages_the_used_tokens_only(params: Any) -> None:
    position = sparse_positions()
    z, _ = state_and_slots(position)
    is_used = np.asarray(tokens_of(jnp.asarray(position), "pieces").is_used)
    apply = jax.jit(ValueHead(CONFIG).apply)
    outputs = apply({"params": params["value"]}, z, is_used)
    for logits, expected in zip(outputs, value_logits(params["value"], z, is_used), strict=True):
        np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)
    disturbed = np.where(is_used[:, :, None], z, 1e3).astype(np.float32)
    for again, logits in zip(apply({"params": params["value"]}, disturbed, is_used), outputs, strict=True):
        np.testing.assert_array_equal(again, logits)


def assert_rows_equal(output: NetworkOutput, rows: Any, other: NetworkOutput, other_rows: Any) -> None:
    for name in ("policy_logits", "wdl_logits", "score_logits"):
        np.testing.assert_array_equal(getattr(output, name)[rows], getattr(other, name)[other_rows], err_msg=name)
    np.testing.assert_array_equal(output.stats.steps[rows], other.stats.steps[other_rows])


def test_permuting_the_batch_permutes_the_outputs(params: Any) -> None:
    position = positions(64)[::8]
    order = np.random.default_rng(0).permutation(8)
    output, permuted = (forward(NETWORK)(params, rows) for rows in (position, position[order]))
    # One program, one order of summation: equal to the last bit.
    assert_rows_equal(permuted, np.arange(8), output, order)
    assert len(np.unique(output.wdl_logits, axis=0)) == 8


def test_other_positions_of_the_batch_do_not_matter(params: Any) -> None:
    position = positions(64)[::8].copy()
    output = forward(NETWORK)(params, position)
    position[1:] = sparse_positions()[[0, 1, 2, 3, 2, 1, 0]]
    assert_rows_equal(forward(NETWORK)(params, position), 0, output, 0)


def test_a_batch_of_one_equals_a_row_of_a_batch(params: Any) -> None:
    position = positions(64)[::8]
    output = forward(NETWORK)(params, position)
    alone = forward(NETWORK)(params, position[3:4])
    # Another shape is another program, which sums in another order: float32 noise, grown by the iteration.
    np.testing.assert_allclose(alone.policy_logits[0], output.policy_logits[3], rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(alone.wdl_logits[0], output.wdl_logits[3], rtol=1e-3, atol=1e-3)


def test_colours_exchanged_give_the_same_outputs(params: Any) -> None:
    boards = [board.copy() for board in varied_positions(57)][::8]
    position, mirrored = (
        np.stack([encode_position(b) for b in side]) for side in (boards, [b.mirror() for b in boards])
    )
    position[:, 66] = 0  # mirror() forgets the moves and with them the repetitions
    output, other = (forward(NETWORK)(params, rows) for rows in (position, mirrored))
    assert_rows_equal(output, np.arange(8), other, np.arange(8))
    for board in boards:
        moves, cells = legal_moves_and_cells(board)
        flipped = [chess.Move(m.from_square ^ 56, m.to_square ^ 56, m.promotion) for m in moves]
        assert [move_to_cell(board.mirror(), move) for move in flipped] == list(cells)


def test_files_are_not_symmetric(params: Any) -> None:
    # Guards the test above against an output that depends on nothing: left and right do differ.
    position = sparse_positions()
    flipped = position.copy()
    flipped[:, :64] = position[:, :64].reshape(-1, 8, 8)[:, :, ::-1].reshape(-1, 64)
    pair = np.concatenate([position, flipped])
    output = forward(NETWORK)(params, pair)
    assert np.abs(output.wdl_logits[:4] - output.wdl_logits[4:]).min(axis=0).max() > 1e-3
