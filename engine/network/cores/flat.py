"""The control without recursion: the blocks of the equilibrium core, every one with weights of its own."""

from typing import Any

import jax
from flax import linen as nn

from engine.network.block import Blocks, Injection
from engine.network.cores.unrolled_core import Iterated, UnrolledCore
from engine.network.network_config import NetworkConfig
from engine.network.products import Product


class FlatIteration(nn.Module):
    """Blocks that belong to one iteration.

    Attributes:
      config: the network's.
      product: of all projections.
    """

    config: NetworkConfig
    product: Product

    @nn.compact
    def __call__(self, z: jax.Array, memory: Any, injection: Injection, index: jax.Array) -> Iterated:
        """Applies them to the state `[B, N, D]`."""
        del memory, index
        return Iterated(Blocks(self.config, self.product, name="own_blocks")(z, injection))


class FlatCore(UnrolledCore):
    """As many blocks as iterations times blocks, none of them used twice."""

    def iteration(self) -> nn.Module:
        """Returns the module of one iteration."""
        return FlatIteration(self.config, self.product, parent=None)
