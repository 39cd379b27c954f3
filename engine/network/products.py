"""Products `x @ kernel` in the arithmetic of the trunk; a projection is given one of them.

A product owns the form of its kernel, so int8 serving needs no branch in any layer.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

Kernel = Any  # a float32 array [in, out], or the pytree that a product's kernel_init makes


class Product(NamedTuple):
    """How a projection stores and applies its kernel."""

    kernel_init: Callable[[jax.Array, tuple[int, int]], Kernel]
    apply: Callable[[jax.Array, Kernel], jax.Array]


def float32_product(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Returns `x @ kernel` in float32."""
    return x @ kernel


@jax.custom_vjp
def bfloat16_product(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Returns `x @ kernel` with bfloat16 operands and a float32 result.

    The gradient to x is bfloat16 times bfloat16 into float32, too. The gradient to the kernel contracts over all rows
    of the batch; that product is slower in bfloat16 than in float32 on CPUs, and less exact, so it stays float32.
    """
    return _bfloat16(x, kernel)


def _bfloat16(x: jax.Array, kernel: jax.Array) -> jax.Array:
    return jnp.matmul(x.astype(jnp.bfloat16), kernel.astype(jnp.bfloat16), preferred_element_type=jnp.float32)


def _forward(x: jax.Array, kernel: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return _bfloat16(x, kernel), (x, kernel)


def product_gradients(saved: tuple[jax.Array, jax.Array], cotangent: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns the gradients of a product: bfloat16 operands to x, float32 to the kernel."""
    x, kernel = saved
    rows = x.reshape(-1, x.shape[-1])
    kernel_gradient = rows.T @ cotangent.reshape(-1, cotangent.shape[-1])
    return _bfloat16(cotangent, kernel.T), kernel_gradient


bfloat16_product.defvjp(_forward, product_gradients)

_INIT = nn.initializers.lecun_normal()


def float_kernel(key: jax.Array, shape: tuple[int, int]) -> jax.Array:
    """Returns a float32 kernel `[in, out]`, normal with variance 1 / in."""
    return _INIT(key, shape, jnp.float32)


FLOAT32 = Product(float_kernel, float32_product)
BFLOAT16 = Product(float_kernel, bfloat16_product)


class Projection(nn.Module):
    """A linear layer without bias whose product is injected.

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
