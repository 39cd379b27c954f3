"""An exit ends positions after one application of f, and leaves those that go on as they are."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.checkpoint import LoadedNetwork, serving_network, serving_shapes
from engine.fixed_point import ImplicitGradient, PhantomGradient, SolverConfig, StopRule, fixed_point
from engine.network.cores.core_configs import DeqConfig, ExitConfig
from engine.network.cores.early_exit import pooled_state
from engine.network.model import NetworkOutput, evaluate, evaluate_with_squares
from engine.network.network_config import NetworkConfig
from engine.player.evaluator import encode_boards
from engine.player.network_evaluator import evaluator_of
from engine.view.capture import Capture
from tests.doubles.tiny_network import stirred, tiny_config
from tests.reference.random_games import varied_positions
from training.distillation.distillation_config import RunConfig, SourceConfig

ONCE = SolverConfig(method="picard", max_steps=1, tolerance=0.0, stagnation_steps=0)
BOARDS = [board.copy() for board in varied_positions(40) if any(board.legal_moves)][:8]


def config_with(threshold: float | None) -> NetworkConfig:
    end = None if threshold is None else ExitConfig(threshold=threshold)
    return tiny_config(core=DeqConfig(solver=ONCE, gradient=PhantomGradient(), exit=end))


PARAMS: Any = stirred(serving_shapes(config_with(0.0)))


def output_of(threshold: float | None, positions: np.ndarray, limit: int | None = None) -> NetworkOutput:
    network = serving_network(config_with(threshold))
    bound = None if limit is None else jnp.int32(limit)
    return jax.jit(lambda x: evaluate(network, PARAMS, x, bound))(positions)


@pytest.fixture(scope="module")
def positions() -> np.ndarray:
    return encode_boards(BOARDS)


@pytest.fixture(scope="module")
def scores(positions: np.ndarray) -> np.ndarray:
    """Scores of the positions, computed from the state after one application by another way."""
    network, core = serving_network(config_with(None)), PARAMS["core"]
    _, squares = jax.jit(lambda x: evaluate_with_squares(network, PARAMS, x, jnp.int32(0)))(positions)
    pooled = pooled_state(squares, jnp.asarray(positions[:, :64] != 0, jnp.float32))
    score = jax.device_get(core["exit"]["score"])
    return np.asarray((np.asarray(pooled) @ score["kernel"])[:, 0] + score["bias"][0])


def test_positions_at_or_below_the_threshold_end_and_the_others_go_on_unchanged(
    positions: np.ndarray, scores: np.ndarray
) -> None:
    threshold = float(np.sort(scores)[3:5].mean())
    ends = scores <= threshold
    assert ends.sum() == 4
    output, plain = output_of(threshold, positions), output_of(None, positions)
    np.testing.assert_array_equal(output.stats.steps, np.where(ends, 1, 2))
    np.testing.assert_allclose(output.policy_logits[~ends], plain.policy_logits[~ends], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(output.wdl_logits[~ends], plain.wdl_logits[~ends], rtol=1e-5, atol=1e-5)
    always = output_of(1e9, positions)
    np.testing.assert_array_equal(always.stats.steps, 1)
    np.testing.assert_allclose(output.policy_logits[ends], always.policy_logits[ends], rtol=1e-5, atol=1e-5)
    assert np.all(np.abs(output.policy_logits[ends] - plain.policy_logits[ends]).max(axis=1) > 1e-3)


def test_an_exit_that_maps_nothing_reads_the_state_after_one_application(positions: np.ndarray) -> None:
    end = PARAMS["core"]["exit"]
    blank = {**end, "map": jax.tree.map(jnp.zeros_like, end["map"]), "bias": jnp.zeros_like(end["bias"])}
    params = {**PARAMS, "core": {**PARAMS["core"], "exit": blank}}
    network, plain = serving_network(config_with(1e9)), serving_network(config_with(None))
    ended = jax.jit(lambda x: evaluate(network, params, x))(positions)
    early = jax.jit(lambda x: evaluate(plain, PARAMS, x, jnp.int32(0)))(positions)
    np.testing.assert_allclose(ended.policy_logits, early.policy_logits, rtol=1e-5, atol=1e-5)


def test_limits_and_tolerances_keep_their_meaning(positions: np.ndarray) -> None:
    no_step = output_of(1e9, positions, 0)
    np.testing.assert_array_equal(no_step.stats.steps, 1)  # that of the gradient
    early = output_of(None, positions, 0)
    np.testing.assert_allclose(no_step.policy_logits, early.policy_logits, rtol=1e-5, atol=1e-5)
    network = serving_network(config_with(-1e9)).clone(step_bound=8)
    longer = jax.jit(lambda x: evaluate(network, PARAMS, x, jnp.int32(3)))(positions)
    np.testing.assert_array_equal(longer.stats.steps, 4)
    with_tolerance = config_with(1e9).core.with_tolerance(0.1)
    assert with_tolerance.tolerance == 0.1 and isinstance(with_tolerance, DeqConfig) and with_tolerance.exit is None


def test_the_pooled_state_ignores_empty_slots() -> None:
    z = jnp.asarray(np.random.default_rng(0).normal(size=(1, 4, 3)), jnp.float32)
    pooled = np.asarray(pooled_state(z, jnp.array([[1.0, 1.0, 0.0, 1.0]])))[0]
    kept = np.asarray(z)[0, [0, 1, 3]]
    expected = np.concatenate([kept.mean(axis=0), kept.std(axis=0), kept.max(axis=0)])
    np.testing.assert_allclose(pooled, expected, rtol=1e-4, atol=1e-4)


def test_a_rule_needs_a_phantom_gradient() -> None:
    rule = StopRule(lambda z, _steps: jnp.ones(len(z), bool), lambda z: z)
    with pytest.raises(ValueError, match="expected a phantom gradient beside a stop rule, got implicit"):
        fixed_point(lambda _params, _x, z: z, (), (), jnp.zeros((1, 2)), ONCE, ImplicitGradient(), None, rule)
    with pytest.raises(ValueError, match="expected a phantom gradient beside an exit, got implicit"):
        DeqConfig(gradient=ImplicitGradient(), exit=ExitConfig(threshold=0.0))


def test_training_refuses_an_exit() -> None:
    source = SourceConfig(folder="nowhere", weight=1.0)
    with pytest.raises(ValueError, match="expected no exit in training"):
        RunConfig(network=config_with(0.0), sources=(source,))


def test_the_player_and_the_trace_tell_how_many_applications_were_made(scores: np.ndarray) -> None:
    threshold = float(np.sort(scores)[3:5].mean())
    loaded = LoadedNetwork(serving_network(config_with(threshold)), PARAMS, "0" * 64)
    evaluator = evaluator_of(loaded)
    evaluations = evaluator.evaluate(BOARDS)
    assert [evaluation.steps for evaluation in evaluations] == [1 if score <= threshold else 2 for score in scores]
    easy, hard = (BOARDS[int(index)] for index in (scores.argmin(), scores.argmax()))
    capture = Capture(loaded, evaluator)
    assert [capture.trace(board).played_state for board in (easy, hard)] == [0, 1]
    (evaluation,) = evaluator.evaluate([easy])
    assert evaluation.solver_words.startswith("1 step, ")
