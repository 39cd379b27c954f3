"""A network as an evaluator: any number of boards in, one legal evaluation each out."""

from collections.abc import Iterator

import chess
import jax
import numpy as np
import pytest

from engine.checkpoint import save_network, serving_network, serving_shapes
from engine.encoding.move_labels import move_to_cell
from engine.encoding.position import encode_position
from engine.player.evaluator import BATCH, Evaluation
from engine.player.network_evaluator import NetworkEvaluator, NoModelError, evaluator_of, load_network_evaluator
from tests.doubles.tiny_latent_model import tiny_loaded
from tests.doubles.tiny_network import forward, stirred, tiny_config
from tests.reference.random_games import varied_positions

CONFIG = tiny_config()
NETWORK = serving_network(CONFIG)


@pytest.fixture(scope="module", autouse=True)
def quick_compilation() -> Iterator[None]:
    """Compiles in half the time; the programs run a few times only."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture(scope="module")
def evaluator(tmp_path_factory: pytest.TempPathFactory) -> NetworkEvaluator:
    """Returns the evaluator of a saved network, loaded and warmed up."""
    folder = tmp_path_factory.mktemp("networks") / "tiny"
    save_network(folder, CONFIG, stirred(serving_shapes(CONFIG)), "", {})
    return load_network_evaluator(folder)


@pytest.fixture(scope="module")
def boards() -> list[chess.Board]:
    """Returns 70 positions: several batches, the last of them not full."""
    return [board.copy() for board in varied_positions(160) if any(board.legal_moves)][::2][:70]


@pytest.fixture(scope="module")
def evaluations(evaluator: NetworkEvaluator, boards: list[chess.Board]) -> list[Evaluation]:
    return evaluator.evaluate(boards)


def assert_close(got: Evaluation, expected: Evaluation) -> None:
    """Another batch is another program, which sums in another order: float32 noise, grown by the iteration."""
    assert got.moves == expected.moves
    np.testing.assert_allclose(got.log_probs, expected.log_probs, atol=1e-3)
    np.testing.assert_allclose(got.wdl_to_move, expected.wdl_to_move, atol=1e-4)


def test_every_evaluation_is_legal_and_sums_to_one(boards: list[chess.Board], evaluations: list[Evaluation]) -> None:
    assert len(evaluations) == len(boards) == 70
    for board, evaluation in zip(boards, evaluations, strict=True):
        assert list(evaluation.moves) == sorted(board.legal_moves, key=chess.Move.uci)
        assert evaluation.log_probs.shape == (len(evaluation.moves),)
        np.testing.assert_allclose(np.exp(evaluation.log_probs).sum(), 1.0, rtol=1e-5)
        assert evaluation.wdl_to_move.shape == (3,) and (evaluation.wdl_to_move >= 0).all()
        np.testing.assert_allclose(evaluation.wdl_to_move.sum(), 1.0, rtol=1e-5)
        assert 1 <= evaluation.steps <= CONFIG.own_steps
        assert 0 <= evaluation.residual < np.inf
        assert evaluation.converged == (evaluation.residual <= CONFIG.core.tolerance)


def test_policy_is_the_softmax_of_the_legal_cells(boards: list[chess.Board], evaluations: list[Evaluation]) -> None:
    position = np.stack([encode_position(board) for board in boards[:8]])
    output = forward(NETWORK)(stirred(serving_shapes(CONFIG)), position)
    for row, (board, evaluation) in enumerate(zip(boards[:8], evaluations, strict=False)):
        logits = np.array([output.policy_logits[row, move_to_cell(board, move)] for move in evaluation.moves], float)
        probs = np.exp(logits) / np.exp(logits).sum()
        np.testing.assert_allclose(np.exp(evaluation.log_probs), probs, atol=1e-4)
        wdl = np.exp(output.wdl_logits[row].astype(float))
        np.testing.assert_allclose(evaluation.wdl_to_move, wdl / wdl.sum(), atol=1e-4)


def test_one_board_alone_and_in_a_batch(
    evaluator: NetworkEvaluator, boards: list[chess.Board], evaluations: list[Evaluation]
) -> None:
    # The first, the last of the first batch, the first of the second, and the very last.
    for index in (0, BATCH - 1, BATCH, 69):
        (alone,) = evaluator.evaluate([boards[index]])
        assert_close(alone, evaluations[index])


def test_place_in_the_batch_does_not_matter(
    evaluator: NetworkEvaluator, boards: list[chess.Board], evaluations: list[Evaluation]
) -> None:
    for again, first in zip(evaluator.evaluate(boards[::-1])[::-1], evaluations, strict=True):
        assert again.moves == first.moves
        np.testing.assert_array_equal(again.log_probs, first.log_probs)
        np.testing.assert_array_equal(again.wdl_to_move, first.wdl_to_move)


def test_no_boards_give_no_evaluations(evaluator: NetworkEvaluator) -> None:
    assert evaluator.evaluate([]) == []


def test_boards_are_not_changed(evaluator: NetworkEvaluator, boards: list[chess.Board]) -> None:
    before = [board.fen() for board in boards[:3]]
    evaluator.evaluate(boards[:3])
    assert [board.fen() for board in boards[:3]] == before


def test_colours_exchanged_mirror_the_evaluation(evaluator: NetworkEvaluator) -> None:
    board = chess.Board("r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R w KQkq - 3 9")
    ours, theirs = (evaluator.evaluate([each])[0] for each in (board, board.mirror()))
    mirrored = {
        chess.Move(move.from_square ^ 56, move.to_square ^ 56, move.promotion): log_prob
        for move, log_prob in zip(theirs.moves, theirs.log_probs, strict=True)
    }
    # The same logits, but the softmax sums them in the order of the moves' names.
    np.testing.assert_allclose([mirrored[move] for move in ours.moves], ours.log_probs, rtol=1e-5)
    np.testing.assert_array_equal(ours.wdl_to_move, theirs.wdl_to_move)


def test_two_programs_serve_every_number_of_boards(evaluator: NetworkEvaluator, boards: list[chess.Board]) -> None:
    for count in (1, 2, BATCH, BATCH + 1, 2 * BATCH + 2):
        assert len(evaluator.evaluate(boards[:count])) == count
    assert set(evaluator.programs._programs) == {1, BATCH}


def test_a_latent_model_improves_every_policy(boards: list[chess.Board], evaluator: NetworkEvaluator) -> None:
    loaded = tiny_loaded(CONFIG)
    assert loaded.model is not None
    plain = evaluator_of(loaded)
    improving = plain.with_improved_policy()
    pairs = list(zip(plain.evaluate(boards[:9]), improving.evaluate(boards[:9]), strict=True))
    variations = []
    for board, (before, after) in zip(boards, pairs, strict=False):
        assert list(after.moves) == sorted(board.legal_moves, key=chess.Move.uci)
        np.testing.assert_allclose(np.exp(after.log_probs).sum(), 1.0, rtol=1e-5)
        np.testing.assert_array_equal(after.wdl_to_move, before.wdl_to_move)
        variations.append(0.5 * np.abs(np.exp(after.log_probs) - np.exp(before.log_probs)).sum())
    assert 0.02 < max(variations) <= np.tanh(loaded.model.config.clip / 2) + 1e-5
    for index in (0, 8):
        assert_close(improving.evaluate([boards[index]])[0], pairs[index][1])
        assert_close(plain.evaluate([boards[index]])[0], pairs[index][0])
    limited = improving.with_step_limit(1).evaluate([boards[0]])[0]
    assert limited.steps == 1 and len(limited.moves) == len(pairs[0][1].moves)
    with pytest.raises(NoModelError, match=r"^expected a network with a latent model .* \(allowed: policy, "):
        evaluator.with_improved_policy()
