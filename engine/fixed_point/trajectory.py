"""The states on the way to a fixed point, for display and study."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from engine.fixed_point.solver import METHODS, BatchedMap, check_start, flatten, relative_residual
from engine.solver_config import Gradient, SolverConfig, UnrolledGradient


def solve_trajectory(f: BatchedMap, z0: jax.Array, config: SolverConfig, steps: int) -> tuple[jax.Array, jax.Array]:
    """Runs the method for a fixed number of steps and returns every state, for display.

    Args:
      f: as in `solve`.
      z0: start `[B, ...]`.
      config: method, memory, damping and ridge are used; the stop rule is not.
      steps: number of steps I, at least 1.

    Returns:
      States `[I, B, ...]`: entry i is the image f(z_i) of iterate z_i, the state that `solve`
      returns when z_i is its best iterate. Relative residuals of z_i `[I, B]` float32.
    """
    check_start(z0)
    flat_f, flat_z0 = flatten(f, z0)
    method = METHODS[config.method]

    def advance(carry: tuple[jax.Array, Any], count: jax.Array) -> tuple[Any, Any]:
        iterate, method_state = carry
        image = flat_f(iterate)
        proposal, method_state = method.step(method_state, iterate, image, count, config)
        return (proposal, method_state), (image, relative_residual(iterate, image))

    start = (flat_z0, method.init(flat_z0, config))
    _, (images, residuals) = lax.scan(advance, start, jnp.arange(steps, dtype=jnp.int32))
    return images.reshape(steps, *z0.shape), residuals


def held_states(
    f: BatchedMap, start: jax.Array, solver: SolverConfig, gradient: Gradient, steps: jax.Array
) -> jax.Array:
    """Returns the solver's states under step limits 0, 1, 2, ….

    Args:
      f: as in `solve`.
      start: `[B, ...]` before any step.
      solver: method, memory, damping and ridge are used; the stop rule is not.
      gradient: if unrolled, its damped steps are the solver.
      steps: `[I]` steps taken under each bound; fewer than the bound once the solver has stopped.

    Returns:
      States `[I, B, ...]`.
    """
    count = len(steps) - 1
    if count == 0:
        return start[None]
    if isinstance(gradient, UnrolledGradient):
        damping = gradient.damping

        def move(z: jax.Array, _: None) -> tuple[jax.Array, jax.Array]:
            moved = (1.0 - damping) * z + damping * f(z)
            return moved, moved

        _, moved = lax.scan(move, start, length=count)
        return jnp.concatenate([start[None], moved])
    images, residuals = solve_trajectory(f, start, solver, count)
    # As in `solve`: the image of the iterate with the lowest residual so far, the latest of equals.
    is_seen = (jnp.arange(count)[None] < steps[1:, None])[..., None] & jnp.isfinite(residuals)[None]
    candidates = jnp.where(is_seen, residuals[None], jnp.inf)  # [I - 1, I - 1, B]
    best = count - 1 - jnp.argmin(candidates[:, ::-1], axis=1)  # [I - 1, B]
    boards = jnp.arange(start.shape[0])[None]
    return jnp.concatenate([start[None], images[best, boards]])
