"""Kernels that start with all singular values equal, at the size that keeps the scale of features.

The spectral norm is sqrt(out / in) (Yang, Simon & Bernstein 2023, "A Spectral Condition for Feature Learning").
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from engine.network.products import Product, float_kernel

_ORTHOGONAL = nn.initializers.orthogonal()


def spectral_kernel(key: jax.Array, shape: tuple[int, int]) -> jax.Array:
    """Returns a float32 kernel `[in, out]` all of whose singular values are sqrt(out / in)."""
    return _ORTHOGONAL(key, shape, jnp.float32) * (shape[1] / shape[0]) ** 0.5


def spectral_product(product: Product, gain: float = 1.0) -> Product:
    """Returns a product whose float kernels start so; kernels in serving form come from a checkpoint.

    Args:
      product: of the network.
      gain: factor of the singular values.
    """
    if product.kernel_init is not float_kernel:
        return product
    return product._replace(kernel_init=lambda key, shape: gain * spectral_kernel(key, shape))
