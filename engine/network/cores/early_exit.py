"""Ends the iteration of a position after its first step where a trained score says that another would change little.

The exit reads the state of all tokens after one application of f. A linear score of the pooled state decides; the state
of a position that is done goes through one linear map, so that the heads, which have learned to read the last state,
can read this one. Map and score are fitted while everything else stays as it is (`recursezero fit-exit`), so positions
that go on are evaluated as if there were no exit. Exits that decide by their own outputs, such as the entropy of a
policy after every layer, are the usual way (BranchyNet, Teerapittayanon et al. 2016); here a policy costs a quarter of
an application, and the score next to nothing.
"""

from typing import cast

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn

from engine.fixed_point import StopRule
from engine.network.products import Product, Projection

_LEAST_VARIANCE = 1e-6


def pooled_state(z: jax.Array, is_used: jax.Array) -> jax.Array:
    """Returns mean, standard deviation and maximum of each channel over a position's tokens.

    Args:
      z: `[B, N, D]`.
      is_used: `[B, N]`, 0 at empty slots and 1 elsewhere.

    Returns:
      float32 `[B, 3 D]`.
    """
    chex.assert_rank([z, is_used], [3, 2])
    # Sums as products with a row of weights, and the maximum by halves: XLA's loops for reductions over tokens take as
    # long on a processor as a tenth of an application of f.
    weights = is_used[:, None] / jnp.maximum(jnp.sum(is_used, axis=1), 1.0)[:, None, None]
    mean = weights @ z
    variance = weights @ jnp.square(z - mean)
    largest = jnp.where(is_used[:, :, None] > 0, z, -jnp.inf)
    while (tokens := largest.shape[1]) > 1:
        half = (tokens + 1) // 2
        largest = jnp.maximum(largest[:, :half], largest[:, tokens - half :])
    return jnp.concatenate([mean[:, 0], jnp.sqrt(variance[:, 0] + _LEAST_VARIANCE), largest[:, 0]], axis=-1)


class EarlyExit(nn.Module):
    """Scores early states, and maps those of positions that are done.

    Attributes:
      product: of the map.
    """

    product: Product

    @nn.compact
    def __call__(self, z: jax.Array, is_used: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Reads the state after one application of f.

        Args:
          z: `[B, N, D]`.
          is_used: `[B, N]`, 0 at empty slots and 1 elsewhere.

        Returns:
          The state `[B, N, D]` that the heads read in place of the last one, and the score `[B]`: how much another
          application is expected to change the policy.
        """
        width = z.shape[-1]
        bias = self.param("bias", nn.initializers.zeros, (width,))
        mapped = z + Projection(width, self.product, name="map")(z) + bias[None, None]
        score = nn.Dense(1, kernel_init=nn.initializers.zeros, name="score")(pooled_state(z, is_used))
        return mapped, score[:, 0]


def exit_rule(module: EarlyExit, params: chex.ArrayTree, is_used: jax.Array, threshold: float) -> StopRule:
    """Returns the stop rule of an exit.

    Args:
      module: of the exit.
      params: its parameters.
      is_used: `[B, N]` of the positions.
      threshold: positions with a score at or below it are done after one application of f.
    """

    def read(z: jax.Array) -> tuple[jax.Array, jax.Array]:
        return cast(tuple[jax.Array, jax.Array], module.apply({"params": params}, z, is_used))

    def is_enough(z: jax.Array, steps: jax.Array) -> jax.Array:
        return (read(z)[1] <= threshold) & (steps == 1)

    def result(z: jax.Array) -> jax.Array:
        return read(z)[0]

    return StopRule(is_enough, result)
