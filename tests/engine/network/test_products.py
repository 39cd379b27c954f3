"""bfloat16 products: how far from exact, and gradients."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from engine.network.products import BFLOAT16, FLOAT32, bfloat16_product, float32_product, product_gradients

# Rounding to 8 significant bits is off by at most 2^-8 of the value; a product of two such by a little over twice that.
BFLOAT16_PAIR = 2 * 2**-8 + 2**-15


def operands() -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    shapes = [(3, 5, 24), (24, 16), (3, 5, 16)]
    x, kernel, cotangent = (rng.normal(size=shape).astype(np.float32) for shape in shapes)
    return x, kernel, cotangent


def test_bfloat16_product_is_within_its_rounding_and_float32() -> None:
    x, kernel, _ = operands()
    out = bfloat16_product(x, kernel)
    assert out.dtype == jnp.float32
    bound = BFLOAT16_PAIR * (np.abs(x) @ np.abs(kernel))
    difference = np.abs(out - x.astype(float) @ kernel)
    assert (difference <= bound).all()
    # It does round: float32 would be a thousand times closer.
    assert difference.max() > 1e-3
    np.testing.assert_allclose(float32_product(x, kernel), x.astype(float) @ kernel, rtol=1e-5, atol=1e-5)


def test_gradients_of_a_bfloat16_product() -> None:
    x, kernel, cotangent = operands()
    _, vjp = jax.vjp(bfloat16_product, x, kernel)
    to_x, to_kernel = vjp(cotangent)
    assert to_x.dtype == to_kernel.dtype == jnp.float32
    bound = BFLOAT16_PAIR * (np.abs(cotangent) @ np.abs(kernel).T)
    assert (np.abs(to_x - cotangent.astype(float) @ kernel.T) <= bound).all()
    expected = np.einsum("bni,bno->io", x.astype(float), cotangent)
    bound = BFLOAT16_PAIR * np.einsum("bni,bno->io", np.abs(x), np.abs(cotangent))
    assert (np.abs(to_kernel - expected) <= bound).all()
    for got, stated in zip((to_x, to_kernel), product_gradients((x, kernel), cotangent), strict=True):
        np.testing.assert_array_equal(got, stated)


def test_kernels_start_with_variance_one_over_inputs() -> None:
    for product in (FLOAT32, BFLOAT16):
        kernel = product.kernel_init(jax.random.key(0), (64, 512))
        assert kernel.dtype == jnp.float32
        # 32,768 draws: the deviation of their standard deviation is about 0.5 %.
        np.testing.assert_allclose(np.std(kernel), 1 / 8, rtol=0.03)
