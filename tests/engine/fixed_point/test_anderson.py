"""Anderson acceleration against a slow NumPy version that solves the bordered system."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.fixed_point import anderson, solve, solve_trajectory
from engine.solver_config import SolverConfig, SolverMethod
from tests.reference.anderson_reference import anderson_images, bordered_weights

mixing_weights = jax.jit(anderson.mixing_weights)


def symmetric_matrix(eigenvalues: np.ndarray, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    basis, _ = np.linalg.qr(rng.normal(size=(len(eigenvalues), len(eigenvalues))))
    return basis @ np.diag(eigenvalues) @ basis.T


@pytest.mark.parametrize("memory, damping", [(1, 1.0), (3, 1.0), (3, 0.6), (8, 0.9)])
def test_trajectory_equals_the_reference(memory: int, damping: float) -> None:
    matrix = symmetric_matrix(np.linspace(-0.5, 0.9, 8), seed=1)
    offset = np.random.default_rng(2).normal(size=(3, 8))
    config = SolverConfig(memory=memory, damping=damping, ridge=1e-3)
    weights = jnp.asarray(matrix, jnp.float32)
    bias = jnp.asarray(offset, jnp.float32)
    images, _ = solve_trajectory(lambda z: jnp.tanh(z @ weights + bias), bias, config, 7)
    for row, bias_of_row in enumerate(offset):
        expected = anderson_images(
            lambda z, b=bias_of_row: np.tanh(z @ matrix + b),  # type: ignore[misc]
            bias_of_row,
            steps=7,
            memory=memory,
            ridge=1e-3,
            damping=damping,
        )
        # float32 rounding (6e-8) times the condition number of the system (8 / ridge = 8e3) gives
        # weights good to 5e-4; they act on iterates that differ by less than 0.1 by then.
        np.testing.assert_allclose(images[:, row], expected, atol=1e-4)


@given(
    st.integers(0, 1000),
    st.integers(1, 6),
    st.sampled_from([1e-12, 1e-6, 1.0, 1e6, 1e12]),
)
def test_weights_solve_the_bordered_system_at_every_scale(seed: int, filled: int, scale: float) -> None:
    residuals = np.zeros((2, 6, 10), np.float32)
    residuals[:, :filled] = np.random.default_rng(seed).normal(size=(2, filled, 10)) * scale
    weights = mixing_weights(jnp.asarray(residuals), jnp.arange(6) < filled, 1e-2)
    np.testing.assert_array_equal(weights[:, filled:], 0.0)
    for row in range(2):
        expected = bordered_weights(residuals[row, :filled].astype(np.float64), 1e-2)
        # Condition number up to 6 / ridge = 600, times 6e-8.
        np.testing.assert_allclose(weights[row, :filled], expected, atol=2e-4)


def test_equal_and_zero_residuals_get_equal_weights() -> None:
    is_filled = jnp.asarray([True, True, True, False])
    residuals = jnp.zeros((2, 4, 5)).at[1, :3].set(0.5)
    weights = mixing_weights(residuals, is_filled, 1e-4)
    # Equal residuals make the system nearly singular: condition 3 / ridge = 3e4.
    np.testing.assert_allclose(weights, [[1 / 3, 1 / 3, 1 / 3, 0.0]] * 2, atol=2e-3)


def test_hand_worked_weights() -> None:
    # g = (1, 0) and (0, 2): G = diag(1, 4), r = 0.1 * 2.5, w ~ (1 / 1.25, 1 / 4.25) = (17, 5) / 22.
    residuals = jnp.asarray([[[1.0, 0.0], [0.0, 2.0]]])
    weights = mixing_weights(residuals, jnp.asarray([True, True]), 0.1)
    np.testing.assert_allclose(weights, [[17 / 22, 5 / 22]], rtol=1e-6)


@jax.default_matmul_precision("highest")  # accelerators otherwise round factors to 10 bits, and the last steps stall
def test_needs_no_more_steps_than_picard() -> None:
    bias = jnp.asarray(np.random.default_rng(4).normal(size=(4, 16)), jnp.float32)

    def steps_of(method: SolverMethod) -> list[np.ndarray]:
        config = SolverConfig(method=method, max_steps=400, tolerance=1e-4, stagnation_steps=0)
        run = jax.jit(lambda matrix: solve(lambda z: z @ matrix + bias, bias, config)[1])
        steps = []
        for rate in (0.5, 0.9, 0.97):
            stats = run(jnp.asarray(symmetric_matrix(np.linspace(0.0, rate, 16), seed=3), jnp.float32))
            assert stats.converged.all()
            steps.append(np.asarray(stats.steps))
        return steps

    for anderson_steps, picard_steps, most in zip(steps_of("anderson"), steps_of("picard"), (12, 20, 30), strict=True):
        assert (anderson_steps <= picard_steps).all()
        assert (anderson_steps <= most).all()
