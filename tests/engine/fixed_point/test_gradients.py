"""Three gradients through a fixed point agree with each other and with finite differences.

On tolerances: in float64 the solvers stop at a relative residual of 1e-11, so a loss of size 1 has
noise of about 1e-11 / (1 - rate). A central difference of step h divides that noise by h and adds
h^2 / 6 times the third derivative; at h = 1e-4 that is 1e-7 and, with third derivatives of a few
hundred (the codes reach 7), 1e-6 or less. The analytic gradients do not divide by h and agree to
1e-8. In float32 the noise alone would be 1e-7 / 1e-4, which is why these tests are the
only ones in double precision.
"""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from engine.fixed_point.gradients import GRADIENTS, fixed_point
from engine.solver_config import Gradient, ImplicitGradient, PhantomGradient, SolverConfig, UnrolledGradient

EXACT = SolverConfig(max_steps=80, tolerance=1e-11, stagnation_steps=0)
EXACT_GRADIENTS: dict[str, Gradient] = {
    "implicit": ImplicitGradient(backward=EXACT),
    "phantom": PhantomGradient(steps=80),
    "unroll": UnrolledGradient(steps=120),
    "phantom damped": PhantomGradient(steps=160, damping=0.6),
    "unroll damped": UnrolledGradient(steps=240, damping=0.6),
}
Arrays = dict[str, jax.Array]


@pytest.fixture
def double_precision() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


BACKWARD = ImplicitGradient().backward


def gradient_of(kind: str, steps: int, backward: SolverConfig = BACKWARD) -> Gradient:
    gradients = (ImplicitGradient(backward=backward), PhantomGradient(steps=steps), UnrolledGradient(steps=steps))
    (gradient,) = (gradient for gradient in gradients if gradient.kind == kind)
    return gradient


def tanh_map(params: Arrays, x: Arrays, z: jax.Array) -> jax.Array:
    return jnp.tanh(z @ params["weights"] + x["bias"] + params["scale"] * x["codes"].astype(z.dtype))


def tanh_problem(dtype: Any) -> tuple[Arrays, Arrays, jax.Array]:
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(5, 5))
    params = {
        "weights": jnp.asarray(0.7 * weights / np.linalg.norm(weights, 2), dtype),
        "scale": jnp.asarray(0.1, dtype),
    }
    x = {
        "bias": jnp.asarray(rng.normal(size=(3, 5)), dtype),
        "codes": jnp.asarray(rng.integers(-7, 8, size=(3, 5)), jnp.int8),
        "mask": jnp.asarray([True, False, True]),
    }
    return params, x, jnp.asarray(rng.normal(size=(3, 5)), dtype)


def loss_of(gradient: Gradient, codes: jax.Array, z0: jax.Array, f: Any = tanh_map) -> Any:
    def loss(params: Arrays, bias: jax.Array) -> jax.Array:
        x = {"bias": bias, "codes": codes, "mask": codes > 0}
        z, _ = fixed_point(f, params, x, z0, EXACT, gradient)
        return jnp.sum(z * jnp.sin(jnp.arange(15.0).reshape(3, 5)))

    return jax.jit(loss)


@pytest.mark.usefixtures("double_precision")
def test_gradients_agree_with_each_other_and_with_finite_differences() -> None:
    params, x, z0 = tanh_problem(jnp.float64)
    gradients = {}
    for name, config in EXACT_GRADIENTS.items():
        grad = jax.jit(jax.grad(loss_of(config, x["codes"], z0), argnums=(0, 1)))
        gradients[name] = ravel_pytree(grad(params, x["bias"]))[0]
    for name, found in gradients.items():
        np.testing.assert_allclose(found, gradients["implicit"], atol=1e-8, err_msg=name)

    loss = loss_of(EXACT_GRADIENTS["implicit"], x["codes"], z0)
    flat, unravel = ravel_pytree((params, x["bias"]))
    differences = []
    for index in range(len(flat)):
        step = 1e-4 * jnp.eye(len(flat))[index]
        differences.append((loss(*unravel(flat + step)) - loss(*unravel(flat - step))) / 2e-4)
    numeric = np.asarray(differences)
    np.testing.assert_allclose(gradients["implicit"], numeric, rtol=1e-6, atol=1e-6)
    assert np.abs(numeric).min() > 1e-5


@pytest.mark.usefixtures("double_precision")
def test_linear_gradients_by_hand() -> None:
    # z = W z + x has dz/dx = (I - W)^-1; phantom k = 1 keeps only I, k = 2 only I + W.
    matrix = np.asarray([[0.5, 0.2], [0.0, -0.3]])
    weights = jnp.asarray(matrix)
    direction = np.asarray([1.0, 2.0])
    solver = SolverConfig(method="picard", max_steps=80, tolerance=1e-12)

    def grad(gradient: Gradient) -> np.ndarray:
        def loss(x: jax.Array) -> jax.Array:
            z, _ = fixed_point(lambda w, x, z: z @ w.T + x, weights, x, jnp.zeros((1, 2)), solver, gradient)
            return jnp.sum(z[0] * direction)

        return np.asarray(jax.jit(jax.grad(loss))(jnp.ones((1, 2)))[0])

    implicit = grad(ImplicitGradient(backward=solver))
    np.testing.assert_allclose(implicit, np.linalg.solve((np.eye(2) - matrix).T, direction))
    np.testing.assert_allclose(grad(PhantomGradient(steps=1)), direction)
    np.testing.assert_allclose(grad(PhantomGradient(steps=2)), (np.eye(2) + matrix).T @ direction)
    # d = 0.5: z2 = 0.5 z1 + 0.5 (W z1 + x) with dz1/dx = 0.5 I.
    damped = 0.5 * (0.5 * (np.eye(2) + matrix) + np.eye(2)).T @ direction
    np.testing.assert_allclose(grad(PhantomGradient(steps=2, damping=0.5)), damped)


@pytest.mark.parametrize("kind", sorted(GRADIENTS))
def test_start_and_integers_get_no_gradient(kind: str) -> None:
    params, x, z0 = tanh_problem(jnp.float32)
    gradient = gradient_of(kind, 3)

    def loss(params: Arrays, x: Arrays, z0: jax.Array, limit: jax.Array) -> jax.Array:
        z, stats = fixed_point(tanh_map, params, x, z0, SolverConfig(), gradient, limit)
        # The statistics may enter a loss as numbers, but they carry no gradient.
        return jnp.sum(z) + 10.0 * jnp.sum(stats.residual)

    grad = jax.jit(jax.grad(loss, argnums=(0, 1, 2), allow_int=True))
    params_grad, x_grad, z0_grad = grad(params, x, z0, jnp.int32(9))
    np.testing.assert_array_equal(z0_grad, 0.0)
    assert x_grad["codes"].dtype == x_grad["mask"].dtype == jax.dtypes.float0
    assert (x_grad["bias"] != 0).all()
    assert (params_grad["weights"] != 0).all()

    def without_statistics(params: Arrays) -> jax.Array:
        z, _ = fixed_point(tanh_map, params, x, z0, SolverConfig(), gradient, jnp.int32(9))
        return jnp.sum(z)

    expected = jax.jit(jax.grad(without_statistics))(params)
    np.testing.assert_allclose(params_grad["weights"], expected["weights"], rtol=1e-5)


@pytest.mark.parametrize("kind", sorted(GRADIENTS))
def test_f_may_contain_functions_without_forward_derivative(kind: str) -> None:
    @jax.custom_vjp
    def rounded(z: jax.Array) -> jax.Array:
        return jnp.round(z * 256) / 256

    rounded.defvjp(lambda z: (rounded(z), None), lambda _, cotangent: (cotangent,))
    params, x, z0 = tanh_problem(jnp.float32)
    backward = SolverConfig(max_steps=60, tolerance=1e-5)
    config = gradient_of(kind, 60, backward)

    def rounded_map(params: Arrays, x: Arrays, z: jax.Array) -> jax.Array:
        return rounded(tanh_map(params, x, z))

    straight = jax.jit(jax.grad(loss_of(config, x["codes"], z0, rounded_map), argnums=1))(params, x["bias"])
    smooth = jax.jit(jax.grad(loss_of(config, x["codes"], z0), argnums=1))(params, x["bias"])
    # The straight-through gradient is that of the smooth map at a state off by up to 1/512 / 0.3.
    np.testing.assert_allclose(straight, smooth, atol=0.03)


@pytest.mark.parametrize("kind", sorted(GRADIENTS))
def test_bfloat16_state_gives_finite_close_gradients(kind: str) -> None:
    config = gradient_of(kind, 12)
    grads = {}
    for dtype in (jnp.bfloat16, jnp.float32):
        params, x, z0 = tanh_problem(dtype)
        grads[dtype] = jax.jit(jax.grad(loss_of(config, x["codes"], z0), argnums=1))(params, x["bias"])
        assert grads[dtype].dtype == dtype
    # bfloat16 keeps 8 bits: 0.4 % an operation, amplified by 1 / (1 - 0.7).
    np.testing.assert_allclose(grads[jnp.bfloat16].astype(np.float32), grads[jnp.float32], atol=0.05)


def test_unroll_applies_f_and_obeys_the_limit() -> None:
    params, x, z0 = tanh_problem(jnp.float32)
    gradient = UnrolledGradient(steps=5)
    traces = []

    @jax.jit
    def run(limit: jax.Array) -> Any:
        traces.append(1)
        return fixed_point(tanh_map, params, x, z0, SolverConfig(), gradient, limit)

    for limit in (0, 2, 5, 7):
        expected = previous = z0
        for _ in range(min(limit, 5)):
            previous, expected = expected, tanh_map(params, x, expected)
        z, stats = run(jnp.int32(limit))
        np.testing.assert_allclose(z, expected, rtol=1e-5)
        np.testing.assert_array_equal(stats.steps, min(limit, 5))
        if limit:
            residual = np.linalg.norm(expected - previous, axis=1)
            residual /= np.linalg.norm(expected, axis=1)
            np.testing.assert_allclose(stats.residual, residual, rtol=1e-3)
        else:
            assert not stats.converged.any()
    assert len(traces) == 1
