"""Implements what passes over the same blocks hand on to each other; each mechanism is a module.

Parameters named `own_` belong to the pass. The recurrences of the state's last change vanish where the state has
settled, so they speed an iteration up, or down, and do not move its fixed point.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

_MEMORY_DECAY = 0.9


def _low_rank(x: jax.Array, name: str, rank: int, module: nn.Module, starts_at_zero: bool = False) -> jax.Array:
    """Returns x times a matrix of low rank, `[..., D]` to `[..., D]`."""
    width, normal = x.shape[-1], nn.initializers.lecun_normal()
    up = nn.initializers.zeros if starts_at_zero else normal
    down = module.param(f"{name}_down", normal, (width, rank))
    return (x @ down) @ module.param(f"{name}_up", up, (rank, width))


class ResonantPosition(nn.Module):
    """Scales the state by 1 + s cos(square * w), with frequencies of the pass's own."""

    @nn.compact
    def __call__(self, z: jax.Array, coordinates: jax.Array) -> jax.Array:
        """Returns the scaled state `[B, N, D]`, given rank and file of each token `[B, N, 2]`."""
        half = self.param("own_frequency", nn.initializers.normal(0.01), (z.shape[-1] // 2,))
        frequency = jnp.resize(half, (z.shape[-1],))[None, None]
        strength = self.param("own_strength", nn.initializers.constant(0.1), (1,))[None, None]
        square = 8 * coordinates[..., :1] + coordinates[..., 1:]
        return z * (1 + strength * jnp.cos(square * frequency))


class StateCarry(nn.Module):
    """Carries a gated state of the whole board, which every pass updates and adds.

    Attributes:
      rank: of the matrices of update and candidate.
    """

    rank: int

    @nn.compact
    def __call__(self, z: jax.Array, carried: jax.Array, is_used: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Returns the addition to the state `[B, 1, D]` and the carried state `[B, D]`.

        Args:
          z: state `[B, N, D]`.
          carried: from the pass before, 0 at first.
          is_used: `[B, N]` of 0 and 1; the mean is over these.
        """
        mean = jnp.sum(z * is_used[..., None], axis=1) / jnp.sum(is_used, axis=1, keepdims=True)
        update = nn.sigmoid(_low_rank(mean, "update", self.rank, self))
        carried = (1 - update) * carried + update * jnp.tanh(_low_rank(mean, "candidate", self.rank, self))
        gate = nn.sigmoid(self.param("own_gate", nn.initializers.zeros, (z.shape[-1],)))
        return (gate[None] * carried)[:, None], carried


class Confidence(nn.Module):
    """Adds the pass's own vector times the probability that a token ended in the pass before."""

    @nn.compact
    def __call__(self, z: jax.Array, probability: jax.Array) -> jax.Array:
        """Returns the addition to the state `[B, N, D]`, given probabilities `[B, N]` that get no gradient."""
        vector = self.param("own_vector", nn.initializers.zeros, (z.shape[-1],))
        return jax.lax.stop_gradient(probability)[..., None] * vector[None, None]


class GradientMemory(nn.Module):
    """Adds a running mean of the state's changes: momentum."""

    @nn.compact
    def __call__(self, change: jax.Array, memory: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Returns the addition to the state and the memory, both `[B, N, D]`, given the last change."""
        memory = _MEMORY_DECAY * memory + (1 - _MEMORY_DECAY) * change
        gate = self.param("own_gate", nn.initializers.zeros, (change.shape[-1],))
        return gate[None, None] * memory, memory


class DifferenceRecurrence(nn.Module):
    """Adds a low-rank projection of the state's last change: temporal difference.

    Attributes:
      rank: of the projection.
    """

    rank: int

    @nn.compact
    def __call__(self, change: jax.Array) -> jax.Array:
        """Returns the addition to the state `[B, N, D]`, given the last change."""
        strength = nn.sigmoid(self.param("own_strength", nn.initializers.constant(0.1), (1,)))[None, None]
        return strength * _low_rank(change, "difference", self.rank, self, starts_at_zero=True)
