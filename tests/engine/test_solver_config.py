"""Solver settings refuse values outside their range in one line."""

from typing import Any

import pytest

from engine.solver_config import PhantomGradient, SolverConfig, UnrolledGradient


@pytest.mark.parametrize(
    "field, value",
    [
        ("method", "newton"),
        ("max_steps", 0),
        ("tolerance", -1e-3),
        ("tolerance", float("nan")),
        ("memory", 0),
        ("memory", 33),
        ("damping", 0.0),
        ("damping", 1.5),
        ("ridge", 0.0),
        ("stagnation_steps", -1),
        ("stagnation_ratio", 1.1),
    ],
)
def test_solver_config_refuses(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"^expected {field} .*got {value!r}$"):
        SolverConfig(**{field: value})


@pytest.mark.parametrize("gradient", [PhantomGradient, UnrolledGradient])
@pytest.mark.parametrize("field, value", [("steps", 0), ("damping", -0.1)])
def test_gradients_refuse(gradient: Any, field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"^expected {field} .*got {value!r}$"):
        gradient(**{field: value})


def test_configs_can_be_static_arguments() -> None:
    assert hash(PhantomGradient(steps=2)) == hash(PhantomGradient(steps=2))
    assert SolverConfig() != SolverConfig(memory=3)
