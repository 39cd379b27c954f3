"""Low-rank adapters of a shared kernel: the elementwise product of two low-rank matrices (Singhal et al. 2025, "ABBA").

The adapter (B1 A1) * (B2 A2) is applied through the row-wise Khatri-Rao products of the factors,

    (B1 A1) * (B2 A2) = (B1 kr B2) (A1^T kr A2^T)^T,

so the matrix itself, as large as the kernel, is never formed. The paper starts from the singular vectors of trained
weights; here B1 starts at zero, so that the adapter does, and the others at random.
"""

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn

from engine.network.products import Product


def khatri_rao(left: jax.Array, right: jax.Array) -> jax.Array:
    """Returns all products of the entries of each row: `[n, r]` and `[n, s]` to `[n, r * s]`."""
    chex.assert_equal_shape_prefix([left, right], 1)
    return (left[:, :, None] * right[:, None, :]).reshape(left.shape[0], -1)


class AbbaAdapter(nn.Module):
    """Adds to a linear map of `[..., in]` to `[..., features]` a matrix of rank up to `rank` squared.

    Attributes:
      features: output width.
      rank: of both factors.
    """

    features: int
    rank: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps `[..., in]` to `[..., features]` in float32."""

        def factor(name: str, width: int, start: jax.nn.initializers.Initializer) -> jax.Array:
            return self.param(name, start, (width, self.rank), jnp.float32)

        # A is used transposed, `[in, rank]`; both products of random factors have variance 1 / in.
        down = nn.initializers.normal(x.shape[-1] ** -0.25)
        a1, a2 = factor("a1", x.shape[-1], down), factor("a2", x.shape[-1], down)
        b1 = factor("b1", self.features, nn.initializers.zeros)
        b2 = factor("b2", self.features, nn.initializers.normal(1.0))
        return (x @ khatri_rao(a1, a2)) @ khatri_rao(b1, b2).T / self.rank


class AdaptedProjection(nn.Module):
    """A projection with a shared kernel and an adapter that belongs to the iteration.

    Attributes:
      features: output width.
      product: how the kernel is stored and applied; the adapter stays float32.
      rank: of the adapter's factors.
    """

    features: int
    product: Product
    rank: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps `[..., in]` to `[..., features]`."""
        kernel = self.param("kernel", self.product.kernel_init, (x.shape[-1], self.features))
        return self.product.apply(x, kernel) + AbbaAdapter(self.features, self.rank, name="own_adapter")(x)
