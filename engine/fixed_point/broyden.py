"""Implements the limited-memory good Broyden method for batched root finding (Broyden, 1965).

It searches for a root of g(z) = f(z) - z by z <- z - d H g(z), where H approximates the inverse
Jacobian of g. H starts as -I, so the first undamped step is a Picard step, and is kept as
-I + sum_i u_i v_i^T with at most `M` terms, per sample. As in Bai et al. 2019, the oldest term
makes room for the newest; it goes before the update, so that the secant equation still holds.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from engine.solver_config import SolverConfig


class BroydenState(NamedTuple):
    """Holds the previous pair and the terms of H, at least float32; update k lies in slot (k - 1) mod M."""

    previous_z: jax.Array  # [B, N]
    previous_residual: jax.Array  # [B, N], g(z)
    left: jax.Array  # [B, M, N], u_i
    right: jax.Array  # [B, M, N], v_i


def init(z0: jax.Array, config: SolverConfig) -> BroydenState:
    """Returns the state with H = -I for z0 `[B, N]`."""
    batch, size = z0.shape
    # float32 at least: the terms of H are differences of nearly equal vectors.
    dtype = jnp.promote_types(z0.dtype, jnp.float32)
    flat = jnp.zeros((batch, size), dtype)
    terms = jnp.zeros((batch, config.memory, size), dtype)
    return BroydenState(previous_z=flat, previous_residual=flat, left=terms, right=terms)


def step(
    state: BroydenState, z: jax.Array, image: jax.Array, count: jax.Array, config: SolverConfig
) -> tuple[jax.Array, BroydenState]:
    """Returns the next iterate `[B, N]` after updating H with the last move.

    Args:
      state: previous pair and H; at `count` 0 there is no previous pair.
      z: current iterate `[B, N]`.
      image: f(z), `[B, N]`.
      count: steps taken before this one, scalar int32.
      config: `memory` and `damping` are used.
    """
    wide_z = z.astype(state.left.dtype)
    residual = image.astype(state.left.dtype) - wide_z  # [B, N]
    left, right = _updated_terms(state, wide_z, residual, count)
    direction = residual - _mixed(left, _products(right, residual))  # -H g
    state = BroydenState(wide_z, residual, left, right)
    return (wide_z + config.damping * direction).astype(z.dtype), state


def _updated_terms(
    state: BroydenState, z: jax.Array, residual: jax.Array, count: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Returns u_i and v_i `[B, M, N]` such that H maps the last change of g to that of z."""
    slot = lax.rem(jnp.maximum(count - 1, 0), jnp.int32(state.left.shape[1]))
    # Clearing v removes the whole oldest term u v^T.
    left = state.left
    right = lax.dynamic_update_index_in_dim(state.right, jnp.zeros_like(z), slot, axis=1)
    change_z = z - state.previous_z  # [B, N]
    change_residual = residual - state.previous_residual  # [B, N]
    predicted = _mixed(left, _products(right, change_residual)) - change_residual  # H dg
    row = _mixed(right, _products(left, change_z)) - change_z  # H^T dz
    curvature = jnp.sum(row * change_residual, axis=1)  # [B], dz^T H dg
    sizes = jnp.linalg.norm(row, axis=1) * jnp.linalg.norm(change_residual, axis=1)
    # A move that says nothing about the Jacobian (no move, no change of g, or orthogonal to
    # rounding) is skipped: dividing by its curvature would fill H with noise or NaN.
    is_useful = (count > 0) & (jnp.abs(curvature) > jnp.finfo(z.dtype).eps * sizes)
    curvature = jnp.where(is_useful, curvature, 1.0)
    column = jnp.where(is_useful[:, None], (change_z - predicted) / curvature[:, None], 0.0)
    row = jnp.where(is_useful[:, None], row, 0.0)
    left = lax.dynamic_update_index_in_dim(left, column, slot, axis=1)
    right = lax.dynamic_update_index_in_dim(right, row, slot, axis=1)
    return left, right


def _products(terms: jax.Array, vector: jax.Array) -> jax.Array:
    """Returns the inner products `[B, M]` of `terms` `[B, M, N]` with `vector` `[B, N]`."""
    # HIGHEST: accelerators otherwise round float32 factors to about 10 bits.
    return jnp.einsum("bmn,bn->bm", terms, vector, precision=lax.Precision.HIGHEST)


def _mixed(terms: jax.Array, weights: jax.Array) -> jax.Array:
    """Returns `[B, N]`, the sum of `terms` `[B, M, N]` with `weights` `[B, M]`."""
    return jnp.einsum("bmn,bm->bn", terms, weights, precision=lax.Precision.HIGHEST)
