"""Traces against what is played, against the network stopped after each step, and against NumPy."""

import dataclasses
import functools
from collections.abc import Callable
from typing import cast

import chess
import jax
import numpy as np
import pytest

from engine.checkpoint import serving_network
from engine.encoding.move_labels import legal_moves_and_cells
from engine.encoding.position import encode_position
from engine.fixed_point import ImplicitGradient, SolverConfig, UnrolledGradient
from engine.network.block import Injection
from engine.network.cores.core_configs import DeqConfig
from engine.network.cores.core_registry import CORES
from engine.network.cores.deq import DeqCore
from engine.network.model import NetworkOutput, evaluate, injection_of
from engine.player.evaluator import Evaluation
from engine.view.capture import Trace
from engine.weights_location import default_weights_folder
from tests.doubles.tiny_cores import core_settings
from tests.doubles.tiny_network import tiny_config, tiny_deq, trained_variants
from tests.doubles.tiny_view import TINY, loaded_tiny, open_tiny
from tests.engine.network.test_attention_capture import injected
from tests.reference.block_reference import apply_f, relative_residual
from tests.reference.random_games import varied_positions

# White to move, Black to move with few pieces, and Black to move with castling and en passant around.
BOARDS = [
    chess.Board("r1bqkbnr/pppp1ppp/2n5/4p3/2B1P3/5Q2/PPPP1PPP/RNB1K1NR w KQkq - 4 4"),
    chess.Board("8/5k2/8/3p4/8/2R5/1K6/8 b - - 0 1"),
    chess.Board("rnbqk2r/ppp2ppp/5n2/8/1b1Pp3/2N1P3/PP3PPP/R1BQKBNR b KQkq d3 0 6"),
]


@pytest.fixture(scope="module", params=range(len(BOARDS)))
def board(request: pytest.FixtureRequest) -> chess.Board:
    return BOARDS[request.param]


@pytest.fixture(scope="module")
def trace(board: chess.Board) -> Trace:
    return open_tiny().capture.trace(board)


def assert_agrees(trace: Trace, played: Evaluation, tolerance: float) -> None:
    np.testing.assert_allclose(np.exp(trace.log_probs[trace.played_state]), np.exp(played.log_probs), atol=tolerance)
    np.testing.assert_allclose(trace.wdl_to_move[trace.played_state], played.wdl_to_move, atol=tolerance)


def test_the_played_state_is_what_is_played(board: chess.Board, trace: Trace) -> None:
    (played,) = open_tiny().evaluator.evaluate([board])
    assert trace.played_state == played.steps == 3
    assert trace.evaluation.moves == played.moves
    np.testing.assert_array_equal(trace.evaluation.log_probs, played.log_probs)
    np.testing.assert_array_equal(trace.log_probs[3], played.log_probs)
    np.testing.assert_array_equal(trace.wdl_to_move[3], played.wdl_to_move)
    # Two compiled programs of the same sums in float32.
    assert_agrees(open_tiny().capture.computed(board), played, 1e-6)
    assert trace.residual[3] == played.residual
    np.testing.assert_allclose(open_tiny().capture.computed(board).residual[3], played.residual, rtol=1e-3)


def test_residuals_are_what_evaluations_state(board: chess.Board, trace: Trace) -> None:
    assert np.isnan(trace.residual[0])
    for steps in range(1, 9):
        (stopped,) = open_tiny().evaluator.with_step_limit(steps).evaluate([board])
        assert trace.residual[steps] == pytest.approx(stopped.residual, rel=1e-3)


@functools.cache
def network_of_steps(steps: int) -> Callable[..., NetworkOutput]:
    network = serving_network(
        tiny_config(blocks=2, core=tiny_deq(solver=SolverConfig(method="picard", max_steps=steps, tolerance=0.0)))
    )
    return cast(Callable[..., NetworkOutput], jax.jit(lambda params, position: evaluate(network, params, position)))


@pytest.mark.parametrize("steps", [1, 5])
def test_a_state_is_what_a_network_of_so_many_steps_plays(board: chess.Board, trace: Trace, steps: int) -> None:
    output = jax.device_get(network_of_steps(steps)(loaded_tiny().params, encode_position(board)[None]))
    _, cells = legal_moves_and_cells(board)
    logits = np.asarray(output.policy_logits)[0, cells].astype(float)
    expected = np.exp(logits - logits.max())
    np.testing.assert_allclose(np.exp(trace.log_probs[steps]), expected / expected.sum(), atol=1e-5)


def test_states_differ(trace: Trace) -> None:
    assert trace.log_probs.shape[0] == 9
    for name in ("log_probs", "wdl_to_move", "residual", "attention"):
        values = getattr(trace, name)
        for state in range(4):
            assert not np.array_equal(values[state], values[state + 1]), f"{name} of {state}"


def test_attention_and_residual_equal_numpy_by_square(board: chess.Board, trace: Trace) -> None:
    params, position = loaded_tiny().params, encode_position(board)[None]
    tokens, bias = injected(params, position)

    # The tokens, told from the board itself: the mover's pieces first, squares counted from the mover's side.
    def from_the_mover(square: chess.Square) -> chess.Square:
        return square if board.turn else chess.square_mirror(square)

    mine = sorted(chess.SquareSet(board.occupied_co[board.turn]), key=from_the_mover)
    theirs = sorted(chess.SquareSet(board.occupied_co[not board.turn]), key=from_the_mover)
    slot = {square: index for index, square in enumerate(mine)} | {square: 16 + i for i, square in enumerate(theirs)}
    assert set(trace.squares) == set(slot)
    z = tokens
    for state in range(4):
        image, attention = apply_f(params["core"]["f"], TINY, tokens, bias, z)  # [blocks, B, H, N, N]
        for query, from_square in enumerate(trace.squares):
            for key, to_square in enumerate(trace.squares):
                np.testing.assert_allclose(
                    trace.attention[state, :, :, query, key],
                    attention[:, 0, :, slot[from_square], slot[to_square]],
                    rtol=2e-3,
                    atol=1e-5,
                )
        np.testing.assert_allclose(trace.residual[state + 1], relative_residual(z, image)[0], rtol=1e-3)
        z = image


@pytest.mark.parametrize("kind", ["Anderson that stops", "unrolled"])
def test_attention_is_that_of_the_states_that_the_solver_holds(kind: str) -> None:
    """Runs the network's own core for so many steps without its stop rule, and NumPy for the step after."""
    stopping = SolverConfig(method="anderson", max_steps=8, tolerance=0.15, stagnation_steps=0)
    unrolled = UnrolledGradient(steps=3, damping=0.7)
    of_play = tiny_deq(solver=stopping) if kind != "unrolled" else tiny_deq(gradient=unrolled)
    config = tiny_config(core=of_play)
    board, position = BOARDS[0], encode_position(BOARDS[0])[None]
    trace, params = open_tiny(config).capture.trace(board), loaded_tiny(config).params
    injection = jax.device_get(jax.jit(functools.partial(injection_of, serving_network(config)))(params, position))
    if kind != "unrolled":
        assert 1 < trace.played_state < 8
        # Phantom steps are taken after the solver's, and are not what it holds.
        longer = DeqConfig(solver=dataclasses.replace(stopping, tolerance=0.0), gradient=ImplicitGradient())
    else:
        longer = dataclasses.replace(of_play, gradient=dataclasses.replace(unrolled, steps=8))
    core = DeqCore(dataclasses.replace(config, core=longer), serving_network(config).product)
    run = jax.jit(lambda limit: core.apply({"params": params["core"]}, Injection(*injection), limit)[0])
    for state in range(9):
        z = np.asarray(run(np.int32(state)), float)
        image, attention = apply_f(params["core"]["f"], config, injection.tokens, injection.attention_bias, z)
        if kind == "unrolled" and state < 8:
            np.testing.assert_allclose(trace.residual[state + 1], relative_residual(z, image)[0], rtol=2e-3)
        used = attention[:, 0, :, :8, :8]  # The mover's first eight pieces, of which there are more.
        np.testing.assert_allclose(trace.attention[state, :, :, :8, :8], used, rtol=5e-3, atol=1e-5)


def test_the_solver_shown_goes_on_where_play_stops() -> None:
    stopping = SolverConfig(method="anderson", max_steps=8, tolerance=0.15, stagnation_steps=0)
    trace = open_tiny(tiny_config(core=tiny_deq(solver=stopping))).capture.trace(BOARDS[0])
    played = trace.played_state
    assert 1 < played < 8
    np.testing.assert_array_equal(trace.log_probs[played], trace.evaluation.log_probs)
    assert trace.evaluation.converged and trace.residual[played] <= 0.15
    for state in range(played, 8):
        assert not np.array_equal(trace.log_probs[state], trace.log_probs[state + 1])
    assert trace.residual[8] < trace.residual[played]


def test_a_head_that_is_off_adds_nothing(board: chess.Board) -> None:
    """Against NumPy with the values of the head, not its outputs, set to 0."""
    params = loaded_tiny().params
    tokens, bias = injected(params, encode_position(board)[None])
    width, block, head = TINY.width // TINY.heads, 1, 0
    kernel = np.array(params["core"]["f"][f"block_{block}"]["attention"]["query_key_value"]["kernel"])
    first = 2 * TINY.width + head * width
    kernel[:, first : first + width] = 0
    f = {**params["core"]["f"]}
    attention = {**f[f"block_{block}"]["attention"], "query_key_value": {"kernel": kernel}}
    f[f"block_{block}"] = {**f[f"block_{block}"], "attention": attention}
    trace = open_tiny().capture.trace(board, ((block, head),))
    whole = open_tiny().capture.computed(board)
    z = tokens
    for state in range(3):
        image, _ = apply_f(f, TINY, tokens, bias, z)
        np.testing.assert_allclose(trace.residual[state + 1], relative_residual(z, image)[0], rtol=1e-4)
        assert abs(trace.residual[state + 1] - whole.residual[state + 1]) > 3e-4 * whole.residual[state + 1]
        z = image
    np.testing.assert_array_equal(trace.evaluation.log_probs, whole.evaluation.log_probs)
    assert np.abs(np.exp(trace.log_probs[3]) - np.exp(whole.log_probs[3])).max() > 1e-4


def test_attention_sums_to_one_over_the_pieces(trace: Trace) -> None:
    assert trace.attention.shape[1:3] == (2, TINY.heads)
    np.testing.assert_allclose(trace.attention.sum(axis=-1), 1.0, rtol=1e-5)


def test_a_network_of_squares_attends_to_all_of_them() -> None:
    board = BOARDS[1]
    trace = open_tiny(
        tiny_config(tokens="squares", core=tiny_deq(solver=SolverConfig(method="picard", max_steps=1)))
    ).capture.trace(board)
    # The mover is Black: the first token is its a1, which is a8.
    assert trace.squares[0] == chess.A8 and set(trace.squares) == set(chess.SQUARES)
    assert trace.attention.shape[-2:] == (64, 64)


@pytest.mark.slow
@pytest.mark.parametrize("name", trained_variants())
def test_every_kind_of_network_is_traced_as_it_plays(name: str) -> None:
    network = open_tiny(trained_variants()[name])
    for board in BOARDS:
        assert_agrees(network.capture.computed(board), network.evaluator.evaluate([board])[0], 2e-3)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [kind for kind in CORES if kind != "deq"])
def test_every_core_is_traced_as_it_plays(kind: str) -> None:
    network = open_tiny(core_settings(kind))
    for board in BOARDS:
        trace = network.capture.trace(board)
        assert_agrees(trace, network.evaluator.evaluate([board])[0], 2e-3)
        # A core that cannot make more iterations than its own has no states beyond them.
        assert len(trace.residual) == (9 if core_settings(kind).core.extrapolates else 4)
        assert trace.attention.shape[1] == core_settings(kind).blocks


@pytest.mark.slow
def test_the_shipped_network_is_traced_as_it_plays() -> None:
    from engine.view.capture import open_network

    network = open_network(default_weights_folder())
    for board in [board for board in varied_positions(60, seed=5) if any(board.legal_moves)]:
        # int8 products round: a float32 difference of 1e-7 may move one input by 1/127 of its range.
        assert_agrees(network.capture.computed(board), network.evaluator.evaluate([board])[0], 2e-3)
