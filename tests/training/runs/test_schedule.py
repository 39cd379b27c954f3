"""The course of the learning rate in hand-worked values."""

import jax.numpy as jnp
import pytest

from training.runs.schedule import Schedule, constant_schedule, decaying_schedule, learning_rate_factor


def factor(schedule: Schedule, step: int, warmup_steps: int) -> float:
    return float(learning_rate_factor(schedule, jnp.int32(step), warmup_steps))


def test_warm_up_rises_to_one_and_stays() -> None:
    assert [factor(constant_schedule(), step, 4) for step in (0, 1, 2, 3, 4, 10**9)] == [0.25, 0.5, 0.75, 1, 1, 1]


def test_no_warm_up_starts_at_the_peak() -> None:
    assert factor(constant_schedule(), 0, 0) == factor(constant_schedule(), 0, 1) == 1


def test_decay_falls_linearly_to_zero_and_stays_there() -> None:
    schedule = decaying_schedule(100, 8)
    steps = (99, 100, 101, 104, 107, 108, 10**6)
    assert [factor(schedule, step, 10) for step in steps] == [1, 1, 0.875, 0.5, 0.125, 0, 0]


def test_a_decay_inside_the_warm_up_takes_both_factors() -> None:
    assert factor(decaying_schedule(4, 4), 5, 10) == pytest.approx(0.6 * 0.75)


def test_a_decay_of_no_steps_is_one_step() -> None:
    assert [factor(decaying_schedule(5, 0), step, 1) for step in (4, 5, 6)] == [1, 1, 0]
