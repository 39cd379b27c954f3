"""The equilibrium core: one function repeated until its state no longer changes (Bai et al. 2019)."""

from typing import cast

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn

from engine.fixed_point.implicit import fixed_point
from engine.fixed_point.solve import SolveStats
from engine.network.block import Blocks, Injection
from engine.network.network_config import NetworkConfig
from engine.network.products import Product


class DeqCore(nn.Module):
    """Solves `z = f(z; x)` for the state of all tokens.

    Attributes:
      config: the network's; its solver and gradient are used.
      product: of f's projections.
    """

    config: NetworkConfig
    product: Product

    def setup(self) -> None:
        """Creates the parameters of f as one pytree, which the solver takes as an argument."""
        self.blocks = Blocks(self.config, self.product, parent=None)
        self.f_params = self.param("f", self._init_f)

    def _init_f(self, key: jax.Array) -> chex.ArrayTree:
        z = jnp.zeros((1, self.config.token_count, self.config.width))
        bias = jnp.zeros((1, self.config.heads, self.config.token_count, self.config.token_count))
        return self.blocks.init(key, z, Injection(z, bias))["params"]

    def __call__(self, injection: Injection, step_limit: jax.Array | None = None) -> tuple[jax.Array, SolveStats]:
        """Iterates f from the injected tokens.

        Sows its input as `intermediates/injection`; that is no work unless a caller asks for the collection.

        Args:
          injection: the board, as every iteration sees it.
          step_limit: scalar int32 bound on the iterations, may be traced.

        Returns:
          State `[B, N, D]` and the solver's statistics.
        """
        self.sow("intermediates", "injection", injection)
        start = injection.tokens
        return fixed_point(
            self.step, self.f_params, injection, start, self.config.solver, self.config.gradient, step_limit
        )

    def step(self, params: chex.ArrayTree, injection: Injection, z: jax.Array) -> jax.Array:
        """Applies f once: `[B, N, D]` to `[B, N, D]`."""
        return cast(jax.Array, self.blocks.apply({"params": params}, z, injection))
