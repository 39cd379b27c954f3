"""Settings that an older version saved are read as today's."""

from typing import Any

import pytest

from engine.fixed_point import Gradient, ImplicitGradient, KeptStates, PhantomGradient, SolverConfig, UnrolledGradient
from engine.frozen_config import ConfigError, from_json_dict, to_json_dict
from engine.network.cores.core_configs import AsuraConfig, CoreConfig, DeqConfig
from engine.network.network_config import NetworkConfig, upgraded_settings

SOLVER, BACKWARD = SolverConfig(max_steps=7, tolerance=0.25), SolverConfig(memory=3)
KEPT = KeptStates(schedule="binomial", places=5)


def old_settings(core: dict[str, Any], mode: str) -> dict[str, Any]:
    """Returns settings as they were saved when every network had a solver and a gradient."""
    gradient = {
        "mode": mode,
        "steps": 3,
        "damping": 0.5,
        "backward": to_json_dict(BACKWARD),
        "kept": to_json_dict(KEPT),
    }
    rest = {name: value for name, value in to_json_dict(NetworkConfig(width=64)).items() if name != "core"}
    return {**rest, "core": core, "solver": to_json_dict(SOLVER), "gradient": gradient}


GRADIENTS: dict[str, Gradient] = {
    "implicit": ImplicitGradient(backward=BACKWARD),
    "phantom": PhantomGradient(steps=3, damping=0.5),
    "unroll": UnrolledGradient(steps=3, damping=0.5, kept=KEPT),
}


@pytest.mark.parametrize("mode", GRADIENTS)
def test_an_old_solver_and_gradient_become_those_of_the_equilibrium_core(mode: str) -> None:
    found = from_json_dict(NetworkConfig, upgraded_settings(old_settings({"kind": "deq"}, mode)))
    assert found == NetworkConfig(width=64, core=DeqConfig(solver=SOLVER, gradient=GRADIENTS[mode]))


def test_other_cores_take_the_old_tolerance_and_the_kept_states() -> None:
    core = to_json_dict(AsuraConfig(iterations=5))
    del core["tolerance"], core["kept"]
    expected: CoreConfig = AsuraConfig(iterations=5, tolerance=0.25, kept=KEPT)
    found = from_json_dict(NetworkConfig, upgraded_settings(old_settings(core, "phantom")))
    assert found == NetworkConfig(width=64, core=expected)


def test_settings_of_today_and_damaged_ones_are_left_to_the_reader() -> None:
    today = to_json_dict(NetworkConfig())
    assert upgraded_settings(today) == today and upgraded_settings(None) is None
    for damaged in (old_settings({}, "phantom"), old_settings({"kind": "deq"}, "adjoint")):
        with pytest.raises(ConfigError):
            from_json_dict(NetworkConfig, upgraded_settings(damaged))
