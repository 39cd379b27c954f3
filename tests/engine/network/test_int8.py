"""int8 products: training, conversion and serving are one arithmetic."""

import functools
import re
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from aqt.jax.v2 import config as aqt_config
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.network.int8 import quantise_kernel, served_product, trained_product

trained, served, quantise = jax.jit(trained_product), jax.jit(served_product), jax.jit(quantise_kernel)


@jax.jit
def aqt_product(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """AQT's own product, with the axes it is called with in its documentation."""
    dot_general = aqt_config.config_v4(fwd_bits=8, dlhs_bits=None, drhs_bits=None)
    return dot_general(x, kernel, (((x.ndim - 1,), (0,)), ((), ())))


def operands(seed: int, size: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x, kernel = rng.standard_t(3, size=(2, 5, 24)), rng.normal(size=(24, 16))
    kernel *= 10 ** rng.uniform(-3, 3, size=16)
    return (size * x).astype(np.float32), kernel.astype(np.float32)


def slow_product(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Rounds rows and columns by their largest entries and multiplies whole numbers, one entry at a time."""
    out = np.zeros((len(x), kernel.shape[1]))
    row_scales = [np.float32(max(abs(row))) / np.float32(127.5) or np.float32(1) for row in x]
    column_scales = [np.float32(max(abs(column))) / np.float32(127.5) or np.float32(1) for column in kernel.T]
    for n, o in np.ndindex(out.shape):
        row = [max(-127, min(127, round(float(v / row_scales[n])))) for v in x[n]]
        column = [max(-127, min(127, round(float(v / column_scales[o])))) for v in kernel[:, o]]
        out[n, o] = (
            sum(a * b for a, b in zip(row, column, strict=True)) * float(row_scales[n]) * float(column_scales[o])
        )
    return out


@given(st.integers(0, 10**6), st.sampled_from([1e-20, 1e-3, 1.0, 1e6]))
@settings(max_examples=25)
def test_training_is_aqt_and_serving_is_training_bit_for_bit(seed: int, size: float) -> None:
    x, kernel = operands(seed, size)
    out = np.asarray(trained(x, kernel))
    np.testing.assert_array_equal(out, aqt_product(x, kernel))
    np.testing.assert_array_equal(out, served(x, quantise(kernel)))


def test_equals_whole_number_arithmetic_by_hand() -> None:
    x, kernel = operands(0)
    out = np.asarray(served(x, quantise(kernel))).reshape(10, 16)
    # Sums of whole numbers are exact; only the two scales round, by 2^-24 each.
    np.testing.assert_allclose(out, slow_product(x.reshape(10, 24), kernel), rtol=1e-6)


def test_rounding_error_is_what_eight_bits_allow() -> None:
    x, kernel = operands(1)
    exact = x.astype(float) @ kernel
    row, column = np.abs(x).max(axis=-1, keepdims=True) / 255, np.abs(kernel).max(axis=0) / 255
    # Each entry is off by at most half a step, or by the clipped half step at the largest.
    bound = np.abs(x).sum(-1, keepdims=True) * column + row * np.abs(kernel).sum(0) + 24 * row * column
    difference = np.abs(served(x, quantise(kernel)) - exact)
    assert (difference <= 1.001 * bound).all()
    assert difference.max() > 1e-4


@pytest.mark.parametrize("form", ["trained", "served"])
def test_zero_rows_and_columns_give_zero(form: str) -> None:
    x, kernel = operands(2)
    x[0, 1], kernel[:, 3] = 0, 0
    out = np.asarray(trained(x, kernel) if form == "trained" else served(x, quantise(kernel)))
    np.testing.assert_array_equal(out[0, 1], 0)
    np.testing.assert_array_equal(out[:, :, 3], 0)
    assert (out[1, :, :3] != 0).all()


def test_no_row_divides_zero_by_zero() -> None:
    # Whatever NaN is as an int8 is the processor's choice, so it must not come up; one operation at a time shows it.
    with jax.debug_nans(True):
        served_product(jnp.zeros((1, 4)), {"values": jnp.ones((4, 2), jnp.int8), "scale": jnp.ones((1, 2))})


def test_ties_round_to_even() -> None:
    x = np.array([[127.5, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 126.5]], np.float32)  # a scale of exactly 1
    rounded = np.asarray(served(x, {"values": np.eye(8, dtype=np.int8), "scale": np.ones((1, 8), np.float32)}))
    np.testing.assert_array_equal(rounded, [[127, 0, 2, 2, 0, -2, -2, 126]])
    kernel = np.eye(8, dtype=np.float32)
    np.testing.assert_array_equal(trained(x, kernel), served(x, quantise(kernel)))


def test_gradients_pass_straight_through_the_rounding() -> None:
    x, kernel = operands(3)
    kernel /= np.abs(kernel).max(axis=0)
    cotangent = np.random.default_rng(4).normal(size=(2, 5, 16)).astype(np.float32)

    @functools.partial(jax.jit, static_argnums=0)
    def gradients(product: Callable[..., jax.Array], x: jax.Array) -> Any:
        return jax.vjp(product, x, jnp.asarray(kernel))[1](cotangent)

    to_x, to_kernel = gradients(trained_product, x)
    float_to_x, float_to_kernel = gradients(jnp.matmul, x)
    # Two operands rounded to 8 bits, 2^-8 each.
    share, rows, row_cotangents = 2 * 2**-8 + 2**-15, x.reshape(-1, 24), cotangent.reshape(-1, 16)
    assert (np.abs(to_x - float_to_x) <= share * (np.abs(cotangent) @ np.abs(kernel).T)).all()
    assert (np.abs(to_kernel - float_to_kernel) <= share * (np.abs(rows).T @ np.abs(row_cotangents))).all()
    to_x, to_kernel = gradients(trained_product, np.zeros_like(x))
    assert bool(jnp.all(jnp.isfinite(to_x))) and not bool(jnp.any(to_kernel))


def test_served_product_multiplies_int8_by_int8_into_int32() -> None:
    x, kernel = operands(0)
    text = served.lower(x, quantise(kernel)).as_text()
    assert re.search(r"dot_general .*\(tensor<10x24xi8>, tensor<24x16xi8>\) -> tensor<10x16xi32>", text)
    assert len(re.findall(r"stablehlo\.dot_general", text)) == 1


def test_kernels_in_another_form_are_refused() -> None:
    x, kernel = operands(0)
    with pytest.raises(AssertionError):
        served_product(jnp.asarray(x), {"values": jnp.asarray(kernel), "scale": jnp.ones((1, 16))})
    with pytest.raises(AssertionError):
        quantise_kernel(jnp.ones((1, 2, 3, 4)))
