"""The solver loop: stop rule, best state, statistics and independence of the batch rows."""

from typing import get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.fixed_point.solver import METHODS, BatchedMap, SolveStats, relative_residual, solve
from engine.fixed_point.trajectory import solve_trajectory
from engine.solver_config import SolverConfig, SolverMethod

all_methods = pytest.mark.parametrize("method", sorted(METHODS))


def run(f: BatchedMap, z0: jax.Array, config: SolverConfig) -> tuple[jax.Array, SolveStats]:
    return jax.jit(lambda z0: solve(f, z0, config))(z0)


def contraction(rate: float, size: int = 8) -> np.ndarray:
    matrix = np.random.default_rng(0).normal(size=(size, size))
    return (rate * matrix / np.linalg.norm(matrix, 2)).astype(np.float32)


def test_every_configured_method_exists() -> None:
    assert set(METHODS) == set(get_args(SolverMethod))


@all_methods
def test_linear_fixed_point_equals_numpy(method: SolverMethod) -> None:
    matrix = contraction(0.8)
    bias = np.random.default_rng(1).normal(size=(5, 2, 8)).astype(np.float32)
    config = SolverConfig(method=method, max_steps=100, tolerance=1e-5)
    z, stats = run(lambda z: z @ matrix + bias, jnp.zeros_like(bias), config)
    expected = np.linalg.solve((np.eye(8) - matrix).T, bias.reshape(-1, 8).T).T
    assert stats.converged.all()
    assert (stats.residual <= 1e-5).all()
    # An error e has residual at least (1 - 0.8) e, so e <= 5e-5 of a norm of about 6.
    np.testing.assert_allclose(z.reshape(-1, 8), expected, atol=5e-4)


def test_relative_residual_by_hand() -> None:
    z = jnp.asarray([[[0.0, 0.0]], [[0.0, 0.0]], [[3.0, 0.0]]])
    image = jnp.asarray([[[0.0, 0.0]], [[3.0, 4.0]], [[3.0, 4.0]]])
    np.testing.assert_allclose(relative_residual(z, image), [0.0, 1.0, 0.8], rtol=1e-6)


@all_methods
def test_a_diverging_map_returns_the_best_state_seen(method: SolverMethod) -> None:
    # There is no fixed point: f(z) - z = 0.1 + (z - 10)^2 is least, and far from 0, at z = 10.
    def f(z: jax.Array) -> jax.Array:
        return z + 0.1 + (z - 10.0) ** 2

    z0 = jnp.asarray([[9.5]])
    config = SolverConfig(method=method, max_steps=12, tolerance=1e-4, stagnation_steps=0)
    images, residuals = solve_trajectory(f, z0, config, 12)
    finite = np.where(np.isfinite(residuals[:, 0]), residuals[:, 0], np.inf)
    best = int(np.argmin(finite))
    assert 0 < best < 11
    z, stats = run(f, z0, config)
    np.testing.assert_allclose(z[0], images[best, 0], rtol=1e-6)
    np.testing.assert_allclose(stats.residual[0], finite[best], rtol=1e-6)
    assert not stats.converged[0]


def test_stagnation_under_rounding_stops_the_sample() -> None:
    def f(z: jax.Array) -> jax.Array:
        return jnp.round((1.0 - 0.5 * z) * 16) / 16  # ends in the cycle 10/16, 11/16

    z0 = jnp.zeros((1, 1))
    config = SolverConfig(method="picard", max_steps=60)
    z, stats = run(f, z0, config)
    assert stats.residual[0] == pytest.approx(1 / 11)
    assert z[0, 0] == 11 / 16  # the image of 10/16
    assert not stats.converged[0]
    assert stats.steps[0] < 40
    patient = SolverConfig(method="picard", max_steps=60, stagnation_steps=0)
    assert run(f, z0, patient)[1].steps[0] == 60


def test_stagnation_counts_from_the_last_notable_progress() -> None:
    # Residuals 1, 0.95, 0.9025, ...: each single step is worth 5 %, two are worth 9.75 %.
    def f(z: jax.Array) -> jax.Array:
        return jnp.stack([z[:, 0], z[:, 1] * 0.95], axis=1)

    z0 = jnp.asarray([[1e3, 1.0]])
    for ratio, steps in ((0.92, 20), (0.85, 4)):
        config = SolverConfig(method="picard", max_steps=20, tolerance=0.0, stagnation_steps=3, stagnation_ratio=ratio)
        assert run(f, z0, config)[1].steps[0] == steps


@all_methods
def test_rows_are_independent(method: SolverMethod) -> None:
    rates = jnp.asarray([0.1, 0.5, 0.9, 0.98])[:, None]
    bias = jnp.asarray(np.random.default_rng(2).normal(size=(4, 6)), jnp.float32)
    config = SolverConfig(method=method, max_steps=30, tolerance=1e-4)

    @jax.jit
    def result(rates: jax.Array, bias: jax.Array) -> tuple[jax.Array, jax.Array]:
        z, stats = solve(lambda z: rates * jnp.sin(z) + bias, jnp.zeros_like(bias), config)
        return z, stats.steps

    z, steps = result(rates, bias)
    order = np.asarray([2, 0, 3, 1])
    permuted_z, permuted_steps = result(rates[order], bias[order])
    np.testing.assert_allclose(permuted_z, z[order], rtol=1e-6)
    np.testing.assert_array_equal(permuted_steps, steps[order])
    easy_z, easy_steps = result(rates[:1], bias[:1])
    np.testing.assert_allclose(easy_z[0], z[0], rtol=1e-6)
    assert easy_steps[0] == steps[0] < steps[3]


@all_methods
def test_a_finished_row_is_frozen(method: SolverMethod) -> None:
    rates = jnp.asarray([[0.1] * 5, [0.99, 0.9, 0.5, -0.5, -0.9]])
    config = SolverConfig(method=method, max_steps=40, tolerance=1e-3, stagnation_steps=0)
    z0 = jnp.zeros((2, 5))
    seen: list[np.ndarray] = []

    def f(z: jax.Array) -> jax.Array:
        jax.debug.callback(lambda row: seen.append(np.asarray(row)), z[0], ordered=True)
        return rates * z + 1.0

    limited = jax.jit(lambda limit: solve(f, z0, config, limit))
    results = [limited(jnp.int32(limit)) for limit in (5, 40)]
    jax.effects_barrier()
    # f is still evaluated on the finished row, but always at the same state.
    np.testing.assert_array_equal(seen[-1], seen[5 + int(results[1][1].steps[0])])
    (short, short_stats), (long, long_stats) = results
    assert short_stats.converged[0]
    np.testing.assert_array_equal(short[0], long[0])
    assert short_stats.steps[0] == long_stats.steps[0] < 5
    assert short_stats.residual[0] == long_stats.residual[0]
    assert (short[1] != long[1]).any()


@all_methods
def test_step_limit_acts_at_run_time(method: SolverMethod) -> None:
    matrix = contraction(0.9)
    z0 = jnp.ones((2, 8))
    config = SolverConfig(method=method, max_steps=6, tolerance=0.0, stagnation_steps=0)
    traces = []

    def f(z: jax.Array) -> jax.Array:
        return jnp.tanh(z @ matrix + 1.0)

    @jax.jit
    def limited(limit: jax.Array) -> tuple[jax.Array, jax.Array]:
        traces.append(1)
        z, stats = solve(f, z0, config, limit)
        return z, stats.steps

    # The residual falls at every step here, so the last state is the best.
    images, residuals = solve_trajectory(f, z0, config, 6)
    assert (np.diff(residuals, axis=0) < 0).all()
    for limit in (1, 3, 6, 9):
        z, steps = limited(jnp.int32(limit))
        np.testing.assert_allclose(z, images[min(limit, 6) - 1], rtol=1e-6)
        np.testing.assert_array_equal(steps, min(limit, 6))
    np.testing.assert_array_equal(limited(jnp.int32(0))[0], z0)
    assert len(traces) == 1


def test_f_is_evaluated_once_a_step() -> None:
    evaluations = []

    def f(z: jax.Array) -> jax.Array:
        jax.debug.callback(lambda: evaluations.append(1))
        return 0.5 * jnp.cos(z)

    config = SolverConfig(max_steps=5, tolerance=0.0, stagnation_steps=0)
    _, stats = solve(f, jnp.ones((2, 3)), config)
    jax.effects_barrier()
    assert len(evaluations) == 5 == stats.steps[0]


@all_methods
def test_an_exact_fixed_point_gives_no_nan(method: SolverMethod) -> None:
    z0 = jnp.asarray([[1.0] * 3, [0.0] * 3])
    config = SolverConfig(method=method, tolerance=0.0)
    z, stats = run(lambda z: z, z0, config)
    np.testing.assert_array_equal(z, z0)
    np.testing.assert_array_equal(stats.steps, 1)
    assert stats.converged.all()
    # The trajectory goes on after convergence and fills the memory with equal pairs.
    images, residuals = jax.jit(lambda z: solve_trajectory(lambda z: z, z, config, 9))(z0)
    # Anderson's weights sum to 1 only up to rounding.
    np.testing.assert_allclose(images, np.broadcast_to(z0, images.shape), rtol=1e-5)
    np.testing.assert_array_equal(residuals, 0.0)


@all_methods
def test_a_broken_row_returns_its_last_good_state(method: SolverMethod) -> None:
    z0 = jnp.asarray([[0.5], [0.5], [-1.0]])

    def f(z: jax.Array) -> jax.Array:
        broken = jnp.asarray([False, True, True])[:, None] & (z < 0.5)
        return jnp.where(broken, jnp.nan, 0.25 * z + 0.1)

    z, stats = run(f, z0, SolverConfig(method=method, max_steps=30))
    # Row 1 breaks in its second step, row 2 in its first.
    np.testing.assert_allclose(z[1:, 0], [0.225, -1.0], rtol=1e-6)
    np.testing.assert_array_equal(stats.steps[1:], [2, 1])
    np.testing.assert_array_equal(stats.converged, [True, False, False])
    assert stats.residual[2] == np.inf
    np.testing.assert_allclose(z[0, 0], 0.1 / 0.75, rtol=1e-2)


def test_statistics_types_do_not_follow_the_state() -> None:
    z, stats = run(lambda z: z * 0.5 + 1, jnp.zeros((3, 2), jnp.bfloat16), SolverConfig())
    assert z.dtype == jnp.bfloat16
    assert (stats.residual.dtype, stats.steps.dtype) == (jnp.float32, jnp.int32)
    assert stats.converged.dtype == bool


def test_f_must_keep_shape_and_dtype() -> None:
    z0 = jnp.zeros((3, 2), jnp.bfloat16)
    with pytest.raises(AssertionError):
        run(lambda z: z.astype(jnp.float32), z0, SolverConfig())
    with pytest.raises(AssertionError):
        run(lambda z: z[:, :1], z0, SolverConfig())
    with pytest.raises(AssertionError):
        run(lambda z: z, jnp.zeros((3, 2), jnp.int32), SolverConfig())


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
