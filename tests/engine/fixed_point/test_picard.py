"""Picard iteration is repeated application of f, damped or not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.fixed_point import solve, solve_trajectory
from engine.solver_config import SolverConfig


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_n_steps_without_tolerance_apply_f_n_times(dtype: jnp.dtype) -> None:
    z0 = jax.random.normal(jax.random.key(0), (3, 4, 5)).astype(dtype)

    def f(z: jax.Array) -> jax.Array:
        return jnp.cos(z) * 0.5 + z0 * 0.25

    expected = z0
    for _ in range(4):
        expected = f(expected)
    config = SolverConfig(method="picard", max_steps=4, tolerance=0.0)
    z, stats = solve(f, z0, config)
    assert z.dtype == dtype
    # Fused and separate programs may round the last bit of f differently.
    ulp = float(jnp.finfo(dtype).eps)
    np.testing.assert_allclose(z.astype(np.float32), expected.astype(np.float32), atol=2 * ulp)
    np.testing.assert_array_equal(stats.steps, 4)


def test_damped_step_by_hand() -> None:
    # z <- 0.75 z + 0.25 f(z) with f(z) = 4 - z from 0: z = 0, 1, 1.5, 1.75; f(z) = 4, 3, 2.5, 2.25.
    config = SolverConfig(method="picard", damping=0.25)
    images, _ = solve_trajectory(lambda z: 4.0 - z, jnp.zeros((1, 1)), config, 4)
    np.testing.assert_array_equal(images.ravel(), [4.0, 3.0, 2.5, 2.25])
