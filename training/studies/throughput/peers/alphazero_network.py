"""The residual network of the Pgx AlphaZero example, when it plays: normalisation by running statistics.

Pre-activation blocks (He et al. 2016, arXiv 1603.05027) with the two heads of AlphaGo Zero (Silver et al. 2017).
"""

import jax
import jax.numpy as jnp
from flax import linen as nn


class AlphaZeroNetwork(nn.Module):
    """Planes to a policy and a value.

    Attributes:
      actions: A.
      channels: of every convolution between the heads and the planes.
      blocks: of two convolutions each.
    """

    actions: int
    channels: int = 128
    blocks: int = 6

    @nn.compact
    def __call__(self, planes: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Evaluates planes `[B, rows, columns, planes]`.

        Returns:
          Logits `[B, A]` and the value to the mover `[B]`, -1 to 1.
        """
        x = nn.Conv(self.channels, (3, 3))(planes.astype(jnp.float32))
        for _ in range(self.blocks):
            before = x
            x = nn.Conv(self.channels, (3, 3))(_activated(x))
            x = before + nn.Conv(self.channels, (3, 3))(_activated(x))
        x = _activated(x)
        policy = _activated(nn.Conv(2, (1, 1))(x)).reshape(x.shape[0], -1)
        value = _activated(nn.Conv(1, (1, 1))(x)).reshape(x.shape[0], -1)
        value = nn.Dense(1)(nn.relu(nn.Dense(self.channels)(value)))
        return nn.Dense(self.actions)(policy), jnp.tanh(value)[:, 0]


def _activated(x: jax.Array) -> jax.Array:
    return nn.relu(nn.BatchNorm(use_running_average=True)(x))
