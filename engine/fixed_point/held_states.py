"""Which state the solver holds after each of its steps, for display and study."""

import jax
import jax.numpy as jnp

from engine.fixed_point.solve import BatchedMap, solve_trajectory
from engine.fixed_point.solver_config import Gradient, SolverConfig, UnrolledGradient


def held_states(
    f: BatchedMap, start: jax.Array, solver: SolverConfig, gradient: Gradient, steps: jax.Array
) -> jax.Array:
    """Returns the states that bounds of 0, 1, 2, … on the steps leave the solver with.

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

        _, moved = jax.lax.scan(move, start, length=count)
        return jnp.concatenate([start[None], moved])
    images, residuals = solve_trajectory(f, start, solver, count)
    # As in `solve`: the image of the iterate with the lowest residual so far, the latest of equals.
    is_seen = (jnp.arange(count)[None] < steps[1:, None])[..., None] & jnp.isfinite(residuals)[None]
    candidates = jnp.where(is_seen, residuals[None], jnp.inf)  # [I - 1, I - 1, B]
    best = count - 1 - jnp.argmin(candidates[:, ::-1], axis=1)  # [I - 1, B]
    boards = jnp.arange(start.shape[0])[None]
    return jnp.concatenate([start[None], images[best, boards]])
