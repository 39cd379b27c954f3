"""The improved policy against loops in float64, its bound, and its candidates, alone and in a batch."""

import functools
from typing import Any

import chess
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.encoding.move_labels import CELLS, legal_moves_and_cells
from engine.encoding.position import encode_position
from engine.network.latent_model.dynamics import cell_facts
from engine.network.latent_model.policy_improvement import (
    ModelConfig,
    PlayingModel,
    candidates_of,
    evaluate_improved,
    value_support,
)
from engine.network.model import evaluate, evaluate_with_squares
from tests.doubles.tiny_latent_model import MODEL, tiny_loaded
from tests.reference import latent_model_reference as slow
from tests.reference.random_games import varied_positions

LOADED = tiny_loaded()
PROMOTING = chess.Board("3r3k/1PP1P3/8/8/8/8/6pp/K7 w - - 0 1")
MANY_MOVES = chess.Board("R6R/3Q4/1Q4Q1/4Q3/2Q4Q/Q4Q2/pp1Q4/kBNN1KB1 w - - 0 1")  # 218
BOARDS = [PROMOTING, MANY_MOVES, *[board.copy() for board in varied_positions(120)][60::40]]
POSITIONS = np.stack([encode_position(board) for board in BOARDS])
LEGAL = [legal_moves_and_cells(board)[1] for board in BOARDS]


@functools.cache
def program(scale: float = MODEL.scale) -> Any:
    settings = ModelConfig(width=16, heads=2, past_policies=1, clip=MODEL.clip, scale=scale)
    assert LOADED.model is not None
    model = PlayingModel(settings, LOADED.model.params)
    improved = functools.partial(evaluate_improved, LOADED.network, LOADED.params, model)
    return jax.jit(improved)


def outputs(cells: list[np.ndarray], scale: float = MODEL.scale) -> Any:
    return jax.device_get(program(scale)(POSITIONS, np.int32(4), candidates_of(cells, len(POSITIONS))))


@functools.cache
def plain() -> Any:
    """Returns the network's own output and the state on the board."""

    def both(position: jax.Array) -> Any:
        return evaluate(LOADED.network, LOADED.params, position), evaluate_with_squares(
            LOADED.network, LOADED.params, position
        )

    output, (same, squares) = jax.device_get(jax.jit(both)(POSITIONS))
    np.testing.assert_allclose(same.policy_logits, output.policy_logits, atol=1e-5)
    return output, squares


def over(cells: np.ndarray, logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits[cells].astype(float) - logits[cells].max())
    return powers / powers.sum()


def test_the_improved_policy_is_that_of_loops() -> None:
    assert LOADED.model is not None
    output, squares = plain()
    improved = outputs(LEGAL)
    support = np.asarray(value_support(LOADED.network.config.value_bins), float)
    start, end, promotion = cell_facts()
    # All moves of the first position; of the others, which have more, the policy over a few.
    for row, cells in enumerate(cells if row == 0 else cells[:3] for row, cells in enumerate(LEGAL)):
        latent = slow.embedded(LOADED.model.params, squares[row].astype(float))
        moves = [(int(start[cell]), int(end[cell]), int(promotion[cell])) for cell in cells]
        q = [slow.action_value(LOADED.model.params, latent, *move, MODEL.heads, support) for move in moves]
        prior = over(cells, output.policy_logits[row])
        expected = slow.improved_policy(prior, np.array(q), output.score_logits[row], MODEL.scale, MODEL.clip)
        np.testing.assert_allclose(over(cells, improved.policy_logits[row]), expected, rtol=2e-3)
    change = [improved.policy_logits[row, cells] - output.policy_logits[row, cells] for row, cells in enumerate(LEGAL)]
    clipped = np.abs(np.concatenate(change)) > MODEL.clip - 1e-4
    assert 0.01 < clipped.mean() < 0.99
    np.testing.assert_allclose(improved.wdl_logits, output.wdl_logits, atol=1e-5)


@pytest.mark.parametrize("scale", [1e-4, MODEL.scale])
def test_no_scale_moves_the_policy_further_than_the_bound(scale: float) -> None:
    before, after = plain()[0].policy_logits, outputs(LEGAL, scale).policy_logits
    pairs = [(over(cells, before[row]), over(cells, after[row])) for row, cells in enumerate(LEGAL)]
    variations = [0.5 * np.abs(a - b).sum() for a, b in pairs]
    assert max(variations) <= np.tanh(MODEL.clip / 2) + 1e-5
    assert max(variations) > 0.05


def test_cells_of_no_candidate_stay_and_without_any_all_do() -> None:
    before = plain()[0].policy_logits
    assert len(LEGAL[1]) == 218
    after = outputs(LEGAL).policy_logits
    for row, cells in enumerate(LEGAL):
        others = np.setdiff1d(np.arange(CELLS), cells)
        np.testing.assert_allclose(after[row, others], before[row, others], atol=1e-5)
        assert np.any(np.abs(after[row, cells] - before[row, cells]) > 1e-3)
    np.testing.assert_allclose(outputs([]).policy_logits, before, atol=1e-5)
    # Some positions only: the others are padding of the batch, or wanted as they are.
    some = outputs(LEGAL[:2]).policy_logits
    np.testing.assert_allclose(some[:2], after[:2], atol=1e-5)
    np.testing.assert_allclose(some[2:], before[2:], atol=1e-5)


def test_candidates_are_one_list() -> None:
    candidates = candidates_of([np.array([5, 7], np.int32), np.array([9], np.int32)], 4)
    assert (
        candidates.total == 3 and candidates.row[:3].tolist() == [0, 0, 1] and candidates.cell[:3].tolist() == [5, 7, 9]
    )
    assert np.all(candidates.cell[3:] == CELLS) and candidates.row.dtype == candidates.cell.dtype == np.int32
    assert len(candidates.row) == len(candidates_of([], 4).row)


def test_a_model_needs_a_scale_and_a_clip() -> None:
    for wrong in ({"scale": 0.0}, {"clip": -1.0}, {"width": 0}):
        with pytest.raises(ValueError, match=f"expected {next(iter(wrong))} above 0"):
            ModelConfig(**{"width": 16, "heads": 2, "past_policies": 0, "clip": 1.0, "scale": 0.1, **wrong})  # type: ignore[arg-type]


def test_values_are_the_middles_of_the_bins() -> None:
    np.testing.assert_allclose(value_support(4), jnp.array([-0.75, -0.25, 0.25, 0.75]))
