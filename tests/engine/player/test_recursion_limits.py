"""The recursion of a network that plays can be cut short and prolonged without compiling anew."""

import dataclasses
from collections.abc import Iterator

import chess
import jax
import numpy as np
import pytest

from engine.checkpoint import LoadedNetwork, serving_network, serving_shapes
from engine.fixed_point import SolverConfig
from engine.network.network_config import NetworkConfig
from engine.player.backend import MOST_STEPS
from engine.player.network_evaluator import NetworkEvaluator, evaluator_of
from tests.doubles.tiny_network import stirred, tiny_config, tiny_deq

# No tolerance is met and stagnation does not count, so the number of steps is the limit.
SOLVER = SolverConfig(method="picard", max_steps=3, tolerance=0.0, stagnation_steps=0)
CONFIG = tiny_config(core=tiny_deq(solver=SOLVER))


@pytest.fixture(scope="module", autouse=True)
def quick_compilation() -> Iterator[None]:
    """Compiles in half the time; the programs run a few times only."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


def _evaluator(config: NetworkConfig, tolerance: float = 0.0) -> NetworkEvaluator:
    loaded = LoadedNetwork(serving_network(config), stirred(serving_shapes(config)), "")
    return evaluator_of(loaded, tolerance)


@pytest.fixture(scope="module")
def evaluator() -> NetworkEvaluator:
    return _evaluator(CONFIG)


def _steps(evaluator: NetworkEvaluator) -> int:
    return evaluator.evaluate([chess.Board()])[0].steps


def test_the_networks_own_limit_holds_unless_another_is_given(evaluator: NetworkEvaluator) -> None:
    assert _steps(evaluator) == _steps(evaluator.with_step_limit(0)) == 3
    assert _steps(evaluator.with_step_limit(1)) == 1
    assert _steps(evaluator.with_step_limit(7)) == 7
    assert _steps(evaluator) == 3


def test_every_limit_is_served_by_one_program(evaluator: NetworkEvaluator, monkeypatch: pytest.MonkeyPatch) -> None:
    _steps(evaluator)
    monkeypatch.setattr(evaluator.programs, "_make", None)  # nothing more is compiled
    for limit in (1, 2, 5, MOST_STEPS):
        assert _steps(evaluator.with_step_limit(limit)) == limit


def test_the_programs_bound_does_not_change_what_the_network_says(evaluator: NetworkEvaluator) -> None:
    limited = evaluator.with_step_limit(2).evaluate([chess.Board()])[0]
    own = _evaluator(tiny_config(core=tiny_deq(solver=dataclasses.replace(SOLVER, max_steps=2))))
    expected = own.evaluate([chess.Board()])[0]
    np.testing.assert_array_equal(limited.log_probs, expected.log_probs)
    np.testing.assert_array_equal(limited.wdl_to_move, expected.wdl_to_move)


def test_a_larger_tolerance_stops_earlier() -> None:
    loose = _evaluator(CONFIG, tolerance=0.999).with_step_limit(20).evaluate([chess.Board()])[0]
    assert loose.steps < 20 and loose.converged and 0.0 < loose.residual <= 0.999


def test_a_fixed_number_of_steps_gets_no_verdict(evaluator: NetworkEvaluator) -> None:
    (alone,) = evaluator.with_step_limit(1).evaluate([chess.Board()])
    (free,) = evaluator.with_step_limit(2).evaluate([chess.Board()])
    assert alone.converged is None and isinstance(free.converged, bool)
