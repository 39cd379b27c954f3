"""Multiplies `x @ kernel` in the arithmetic of the trunk; a projection is given one of these products.

A product owns the form of its kernel, so int8 serving needs no branch in any layer.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.experimental.layout import Layout, with_layout_constraint

Kernel = Any  # a float32 array [in, out], or the pytree that a product's kernel_init makes


class Product(NamedTuple):
    """Says how a projection stores and applies its kernel."""

    kernel_init: Callable[[jax.Array, tuple[int, int]], Kernel]
    apply: Callable[[jax.Array, Kernel], jax.Array]


def float32_product(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Returns `x @ kernel` in float32."""
    return x @ kernel


@jax.custom_vjp
def bfloat16_product(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Returns `x @ kernel` with bfloat16 operands and a float32 result, as do both gradients."""
    return _bfloat16(x, kernel)


def _bfloat16(x: jax.Array, kernel: jax.Array) -> jax.Array:
    return jnp.matmul(x.astype(jnp.bfloat16), kernel.astype(jnp.bfloat16), preferred_element_type=jnp.float32)


def _forward(x: jax.Array, kernel: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return _bfloat16(x, kernel), (x, kernel)


def product_gradients(saved: tuple[jax.Array, jax.Array], cotangent: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns the gradients of a product to x and to the kernel, from bfloat16 operands, summed in float32."""
    x, kernel = saved
    rows = jnp.asarray(x, jnp.bfloat16).reshape(-1, x.shape[-1])
    row_cotangents = cotangent.reshape(-1, cotangent.shape[-1])
    to_x = _bfloat16(cotangent, _transposed(jnp.asarray(kernel, jnp.bfloat16)))
    return to_x, _bfloat16(_transposed(rows), row_cotangents)


def _transposed(matrix: jax.Array) -> jax.Array:
    """Returns the transpose of a matrix; on CPUs as an array of its own, row by row.

    Their products are half as fast when they read an operand against its layout, and unless it is constrained, XLA
    makes the transposition a part of the product again.
    """
    return jax.lax.platform_dependent(
        matrix,
        cpu=lambda a: with_layout_constraint(a.T, Layout(major_to_minor=(0, 1))),
        default=lambda a: a.T,
    )


bfloat16_product.defvjp(_forward, product_gradients)

_INIT = nn.initializers.lecun_normal()


def float_kernel(key: jax.Array, shape: tuple[int, int]) -> jax.Array:
    """Returns a float32 kernel `[in, out]`, normal with variance 1 / in."""
    return _INIT(key, shape, jnp.float32)


FLOAT32 = Product(float_kernel, float32_product)
BFLOAT16 = Product(float_kernel, bfloat16_product)


class Projection(nn.Module):
    """Applies a linear layer without bias, multiplying with a given product.

    Attributes:
      features: output width.
      product: how the kernel is stored and applied.
    """

    features: int
    product: Product

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps `[..., in]` to `[..., features]`."""
        kernel = self.param("kernel", self.product.kernel_init, (x.shape[-1], self.features))
        return self.product.apply(x, kernel)


MakeProjection = Callable[..., nn.Module]  # (features, product, name=...), as Projection
