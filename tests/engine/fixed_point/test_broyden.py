"""Limited-memory Broyden against dense good Broyden in NumPy."""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
import pytest

from engine.fixed_point import solve, solve_trajectory
from engine.solver_config import SolverConfig


def dense_broyden_images(f: Callable[[np.ndarray], np.ndarray], z0: np.ndarray, steps: int, memory: int) -> np.ndarray:
    """Returns f(z_0), f(z_1), ... with H as a matrix that is rebuilt from its newest terms."""
    identity = np.eye(len(z0))
    terms: list[np.ndarray] = []
    images = []
    z = np.asarray(z0, np.float64)
    residual = f(z) - z
    for _ in range(steps):
        images.append(z + residual)
        move = -sum(terms, -identity) @ residual
        change = f(z + move) - (z + move) - residual
        terms = terms[len(terms) - memory + 1 :] if len(terms) >= memory else terms
        kept = sum(terms, -identity)
        terms = [*terms, np.outer(move - kept @ change, move @ kept) / (move @ kept @ change)]
        np.testing.assert_allclose(sum(terms, -identity) @ change, move, atol=1e-9)
        z, residual = z + move, residual + change
    return np.array(images)


@pytest.mark.parametrize("memory", [1, 2, 10])
def test_trajectory_equals_the_dense_reference(memory: int) -> None:
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(6, 6)) * 0.25
    offset = rng.normal(size=(2, 6))
    weights = jnp.asarray(matrix, jnp.float32)
    bias = jnp.asarray(offset, jnp.float32)
    config = SolverConfig(method="broyden", memory=memory)
    images, _ = solve_trajectory(lambda z: jnp.tanh(z @ weights + bias), bias * 0, config, 6)
    for row, bias_of_row in enumerate(offset):
        expected = dense_broyden_images(
            lambda z, b=bias_of_row: np.tanh(z @ matrix + b),  # type: ignore[misc]
            np.zeros(6),
            steps=6,
            memory=memory,
        )
        # float32 rounding (6e-8) relative to moves that have shrunk to about 1e-3.
        np.testing.assert_allclose(images[:, row], expected, atol=1e-4)


def test_converges_where_picard_diverges() -> None:
    # Eigenvalues up to 1.6 in size: repeated application of f grows without bound.
    matrix = jnp.asarray(np.diag([-1.6, -1.2, 0.3, 0.5]), jnp.float32)
    bias = jnp.asarray(np.random.default_rng(5).normal(size=(3, 4)), jnp.float32)
    converged = {}
    for method in ("broyden", "picard"):
        # Gay (1979): Broyden ends in at most 2 N = 8 steps on a linear map of N = 4; two more
        # for rounding.
        config = SolverConfig(method=method, memory=10, max_steps=10, tolerance=1e-4, stagnation_steps=0)
        z, stats = solve(lambda z: z @ matrix + bias, bias, config)
        converged[method] = bool(stats.converged.all())
        if method == "broyden":
            expected = np.linalg.solve((np.eye(4) - matrix).T, np.asarray(bias).T).T
            np.testing.assert_allclose(z, expected, rtol=2e-3)
    assert converged == {"broyden": True, "picard": False}
