"""The other ways to play games, each in miniature: the games are games, the networks say what they should."""

from typing import Any

import chess
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.encoding.move_labels import CELLS
from engine.encoding.position import encode_position
from tests.doubles.fake_evaluator import FakeEvaluator
from tests.doubles.tiny_network import positions
from training.studies.throughput.peers.peer_networks import (
    AlphaZeroNetwork,
    PerceptronNetwork,
    perceptron,
    perceptron_weights,
)
from training.studies.throughput.peers.python_chess_loop import PythonChessLoop, evaluator_policy, perceptron_policy


def test_the_perceptron_says_the_same_in_numpy_and_in_jax() -> None:
    weights, encoded = perceptron_weights(8), positions(16)
    root = jax.jit(PerceptronNetwork().root)(weights, jnp.asarray(encoded))
    assert root.prediction.policy_logits.shape == (16, CELLS)
    for row, position in enumerate(encoded):
        logits, value = perceptron(weights, position)
        np.testing.assert_allclose(root.prediction.policy_logits[row], logits, rtol=1e-4, atol=1e-5)
        assert float(root.prediction.value_logits[row, 0]) == pytest.approx(value, abs=1e-5)
    # Every piece counts: a board without one of them is another input.
    assert np.ptp(np.asarray(root.prediction.value_logits)) > 0.1


def test_the_loop_plays_games_of_chess_one_after_the_other() -> None:
    loop = PythonChessLoop(perceptron_policy(perceptron_weights(4)), seed=3)
    board, games = chess.Board(), 0
    for made in loop.play(800):
        np.testing.assert_array_equal(made.position, encode_position(board))
        assert made.move in board.legal_moves and 0 < made.probability <= 1
        board.push(made.move)
        assert made.reward == board.is_checkmate()
        assert made.is_terminal == (board.is_game_over() or len(board.move_stack) == 512)
        if made.is_terminal:
            board, games = chess.Board(), games + 1
    assert loop.games == games >= 1


def test_the_evaluator_plays_what_it_says() -> None:
    others = {move.uci(): 1e-9 for move in chess.Board().legal_moves}
    evaluator = FakeEvaluator(others | {"e2e4": 3.0, "d2d4": 1.0})
    policy = evaluator_policy(evaluator)
    moves, probabilities = policy(chess.Board(), np.zeros(67, np.int8))
    said = dict(zip([move.uci() for move in moves], probabilities, strict=True))
    assert said["e2e4"] == pytest.approx(0.75) and said["d2d4"] == pytest.approx(0.25) and said["a2a3"] < 1e-6
    assert evaluator.batches == [1]


def test_the_residual_network_has_the_sizes_of_the_example() -> None:
    network = AlphaZeroNetwork(4672)
    planes = jax.ShapeDtypeStruct((2, 8, 8, 119), jnp.float32)
    variables = jax.eval_shape(network.init, jax.eval_shape(lambda: jax.random.key(0)), planes)
    # Stem; six blocks of two convolutions behind norms; last norm; policy; value.
    stem, block = 9 * 119 * 128 + 128, 2 * (9 * 128 * 128 + 128 + 2 * 128)
    policy = 128 * 2 + 2 + 2 * 2 + 128 * 4672 + 4672
    value = 128 + 1 + 2 + 64 * 128 + 128 + 128 + 1
    parameters = sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))
    assert parameters == stem + 6 * block + 2 * 128 + policy + value
    logits, values = jax.eval_shape(network.apply, variables, planes)
    assert logits.shape == (2, 4672) and values.shape == (2,)


@pytest.mark.slow
def test_searched_games_keep_the_rules() -> None:
    pytest.importorskip("mctx")
    from training.games import pgx_rules
    from training.studies.throughput.peers.alphazero_self_play import new_states, play_searched

    network = AlphaZeroNetwork(pgx_rules.actions("tic_tac_toe"), channels=2, blocks=1)

    def play(key: jax.Array) -> Any:
        states = new_states("tic_tac_toe", key, 4)
        params = network.init(key, states.observation)
        return play_searched("tic_tac_toe", network, params, states, key, 12, simulations=4)

    with jax.numpy_rank_promotion("allow"):  # mctx relies on it
        after, made = jax.device_get(jax.jit(play)(jax.random.key(0)))
    assert after.observation.shape == (4, 3, 3, 2) and made.planes.shape == (12, 4, 3, 3, 2)
    np.testing.assert_allclose(made.action_weights.sum(axis=-1), 1, atol=1e-5)
    # Nothing is put on a cell that is taken, whose planes are set; ended games begin again, empty.
    taken = made.planes.any(axis=-1).reshape(12, 4, 9)
    assert np.all(made.action_weights[taken] == 0)
    assert np.all(taken.sum(axis=-1)[1:][made.is_terminal[:-1]] == 0)
    assert np.all(taken.sum(axis=-1)[1:][~made.is_terminal[:-1]] == taken.sum(axis=-1)[:-1][~made.is_terminal[:-1]] + 1)
    assert made.is_terminal.any() and set(np.unique(made.reward)) <= {0.0, 1.0}
    assert not made.reward[~made.is_terminal].any()
