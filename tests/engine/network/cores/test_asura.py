"""ABBA adapters against the product of the full matrices, and that no program forms those."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from engine.network.cores.asura import AbbaAdapter, AdaptedProjection, khatri_rao
from engine.network.products import FLOAT32
from tests.doubles.tiny_network import stirred

INPUTS, OUTPUTS, RANK = 24, 40, 3
adapter = AbbaAdapter(OUTPUTS, RANK)


def applied(params: Any, x: Any) -> Any:
    return adapter.apply({"params": params}, x)


def params() -> Any:
    return stirred(jax.eval_shape(adapter.init, jax.random.key(0), jnp.zeros((1, INPUTS)))["params"])


def test_equals_the_elementwise_product_of_the_full_matrices() -> None:
    x = np.random.default_rng(1).normal(size=(2, 5, INPUTS))
    factors = {name: np.asarray(value, float) for name, value in params().items()}
    matrix = (factors["b1"] @ factors["a1"].T) * (factors["b2"] @ factors["a2"].T) / RANK  # [out, in]
    assert np.linalg.matrix_rank(matrix) == RANK**2
    got = applied(params(), jnp.asarray(x, jnp.float32))
    np.testing.assert_allclose(got, x @ matrix.T, rtol=1e-3, atol=1e-4)


def test_khatri_rao_is_the_row_wise_product() -> None:
    left, right = jnp.array([[1.0, 2.0], [3.0, 4.0]]), jnp.array([[5.0, 6.0], [7.0, 8.0]])
    assert khatri_rao(left, right).tolist() == [[5.0, 6.0, 10.0, 12.0], [21.0, 24.0, 28.0, 32.0]]


def shapes_in(jaxpr: Any) -> set[tuple[int, ...]]:
    """Returns the shapes of all values that a program computes, inner programs included."""
    shapes = {tuple(variable.aval.shape) for equation in jaxpr.eqns for variable in equation.outvars}
    for equation in jaxpr.eqns:
        for inner in jax.tree.leaves(list(equation.params.values()), is_leaf=lambda p: hasattr(p, "eqns")):
            if hasattr(inner, "eqns") or hasattr(inner, "jaxpr"):
                shapes |= shapes_in(getattr(inner, "jaxpr", inner))
    return shapes


def forms_a_matrix(loss: Any, *inputs: Any) -> bool:
    shapes = shapes_in(jax.make_jaxpr(jax.grad(loss, argnums=(0, 1)))(*inputs).jaxpr)
    assert len(shapes) > 5
    return any(np.prod(shape) >= INPUTS * OUTPUTS for shape in shapes)


def test_neither_it_nor_its_gradient_forms_the_matrix() -> None:
    x = jnp.ones((2, INPUTS))

    def through_factors(params: Any, x: jax.Array) -> jax.Array:
        return jnp.sum(jnp.sin(applied(params, x)))

    def through_the_matrix(params: Any, x: jax.Array) -> jax.Array:
        return jnp.sum(jnp.sin(x @ ((params["b1"] @ params["a1"].T) * (params["b2"] @ params["a2"].T)).T))

    assert not forms_a_matrix(through_factors, params(), x)
    assert forms_a_matrix(through_the_matrix, params(), x), "the search must be able to fail"


def test_it_starts_at_zero_and_is_heard_at_once() -> None:
    fresh = adapter.init(jax.random.key(0), jnp.zeros((1, INPUTS)))["params"]
    x = jax.random.normal(jax.random.key(1), (7, INPUTS))
    np.testing.assert_array_equal(applied(fresh, x), 0)
    gradient = jax.grad(lambda p: jnp.sum(jnp.cos(applied(p, x) + 1.0)))(fresh)
    assert float(jnp.max(jnp.abs(gradient["b1"]))) > 0


def test_an_adapted_projection_is_the_sum_of_both() -> None:
    module, x = AdaptedProjection(OUTPUTS, FLOAT32, RANK), jax.random.normal(jax.random.key(2), (4, INPUTS))
    both = stirred(jax.eval_shape(module.init, jax.random.key(0), x)["params"])
    assert set(both) == {"kernel", "own_adapter"}
    expected = x @ both["kernel"] + applied(both["own_adapter"], x)
    got: Any = module.apply({"params": both}, x)
    np.testing.assert_allclose(got, expected, rtol=1e-5)
