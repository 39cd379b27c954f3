"""Implements Anderson acceleration for batched fixed points (Walker & Ni, 2011, algorithm AA).

The state is flattened to `[B, N]`. Each sample mixes its own last `M` pairs (z, f(z)); nothing
crosses the batch axis. The loop, stop rule and statistics are in `solver.py`.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from engine.solver_config import SolverConfig


class AndersonState(NamedTuple):
    """Holds the last `M` pairs in a ring buffer; pair k lies in slot k mod M."""

    iterates: jax.Array  # [B, M, N], z
    images: jax.Array  # [B, M, N], f(z)


def init(z0: jax.Array, config: SolverConfig) -> AndersonState:
    """Returns an empty history for z0 `[B, N]`, kept in the dtype of z0."""
    batch, size = z0.shape
    empty = jnp.zeros((batch, config.memory, size), z0.dtype)
    return AndersonState(iterates=empty, images=empty)


def step(
    state: AndersonState, z: jax.Array, image: jax.Array, count: jax.Array, config: SolverConfig
) -> tuple[jax.Array, AndersonState]:
    """Returns the next iterate `[B, N]` mixed from the last `min(count + 1, M)` pairs.

    Args:
      state: the `min(count, M)` pairs seen before this step.
      z: current iterate `[B, N]`.
      image: f(z), `[B, N]`.
      count: steps taken before this one, scalar int32.
      config: `memory`, `ridge` and `damping` are used.
    """
    slot = lax.rem(count, jnp.int32(config.memory))
    state = AndersonState(
        iterates=lax.dynamic_update_index_in_dim(state.iterates, z, slot, axis=1),
        images=lax.dynamic_update_index_in_dim(state.images, image, slot, axis=1),
    )
    is_filled = jnp.arange(config.memory, dtype=jnp.int32) <= count  # [M]
    # float32 at least: the Gram matrix squares the condition number; bfloat16 keeps only 8 bits.
    dtype = jnp.promote_types(z.dtype, jnp.float32)
    images = state.images.astype(dtype)
    residuals = images - state.iterates.astype(dtype)  # [B, M, N], 0 in empty slots
    weights = mixing_weights(residuals, is_filled, config.ridge)  # [B, M]
    # d f_j + (1 - d) z_j, written so that no second copy of the iterates is read.
    proposals = images - (1.0 - config.damping) * residuals
    mixed = jnp.einsum("bm,bmn->bn", weights, proposals, precision=lax.Precision.HIGHEST)
    return mixed.astype(z.dtype), state


def mixing_weights(residuals: jax.Array, is_filled: jax.Array, ridge: float) -> jax.Array:
    """Returns the weights `[B, M]` of sum 1 that minimise |sum_j w_j g_j|^2 + r |w|^2 per sample.

    The minimum is w = A^-1 1 / (1^T A^-1 1) with A = G + r I and the Gram matrix G; r is `ridge`
    times the mean diagonal of G, so that the result does not depend on the scale of the state.

    Args:
      residuals: g_j = f(z_j) - z_j, `[B, M, N]`, 0 in empty slots, at least float32.
      is_filled: `[M]` bool, true for at least one slot; empty slots get weight 0.
      ridge: in (0, 1].
    """
    memory = residuals.shape[1]
    # HIGHEST: accelerators otherwise round float32 factors to about 10 bits.
    gram = jnp.einsum("bmn,bkn->bmk", residuals, residuals, precision=lax.Precision.HIGHEST)
    filled = is_filled.astype(gram.dtype)  # [M]
    mean_diagonal = jnp.einsum("bmm->b", gram) / jnp.sum(filled)  # [B]
    # At an exact fixed point G is 0: any positive scale then gives equal weights and no 0 / 0.
    scale = jnp.where(mean_diagonal > 0, mean_diagonal, 1.0)[:, None, None]
    # An empty slot has a zero row in G and in the right-hand side, so its weight is exactly 0.
    system = gram / scale + ridge * jnp.eye(memory, dtype=gram.dtype)[None]  # [B, M, M]
    raw = _solve_positive_definite(system, jnp.broadcast_to(filled, gram.shape[:2]))
    return raw / jnp.sum(raw, axis=1, keepdims=True)


def _solve_positive_definite(matrix: jax.Array, rhs: jax.Array) -> jax.Array:
    """Solves `matrix` `[B, M, M]` x = `rhs` `[B, M]` by Gauss-Jordan elimination.

    A positive definite matrix needs no pivoting, and for an M of about 5 the unrolled elementwise
    form is a few small fused kernels that lower on every backend without a library call.
    """
    memory = rhs.shape[1]
    rows = jnp.concatenate([matrix, rhs[:, :, None]], axis=2)  # [B, M, M + 1]
    for pivot in range(memory):
        pivot_row = rows[:, pivot : pivot + 1]  # [B, 1, M + 1]
        pivot_row = pivot_row / pivot_row[:, :, pivot : pivot + 1]
        eliminated = rows - rows[:, :, pivot : pivot + 1] * pivot_row
        is_pivot = jnp.arange(memory, dtype=jnp.int32)[None, :, None] == pivot
        rows = jnp.where(is_pivot, pivot_row, eliminated)
    return rows[:, :, memory]
