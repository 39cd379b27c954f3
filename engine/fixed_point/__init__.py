"""Batched fixed points z = f(z) and gradients through them; pure JAX, and free of networks and chess.

`solve` searches with Picard, Anderson or Broyden steps, with a stop rule per sample. `fixed_point` does the same for a
map with parameters and is differentiable: by the implicit function theorem, through a few phantom steps at the
solution, or through every iteration. `iterate` is the loop behind the last, for any state, with the choice of what it
keeps for the backward pass.

The fixed point of the cosine, and how it moves when the cosine is scaled:

>>> import jax
>>> import jax.numpy as jnp
>>> from engine.fixed_point import ImplicitGradient, SolverConfig, fixed_point, solve
>>> start = jnp.zeros((1, 1))  # a batch of one state of one number
>>> z, stats = solve(jnp.cos, start, SolverConfig(method="anderson", tolerance=1e-5))
>>> print(f"{z.item():.3f}", stats.converged.item())
0.739 True
>>> def solution(scale):
...     z, _ = fixed_point(lambda scale, x, z: scale * jnp.cos(z), scale, (), start, SolverConfig(), ImplicitGradient())
...     return jnp.sum(z)
>>> print(f"{jax.grad(solution)(1.0):.3f}")  # cos(z) / (1 + sin(z))
0.442
"""

from engine.fixed_point.gradients import fixed_point
from engine.fixed_point.solver import SolveStats, StopRule, relative_residual, solve
from engine.fixed_point.trajectory import held_states, solve_trajectory
from engine.fixed_point.unrolled import Loop, iterate, row_of
from engine.solver_config import (
    Gradient,
    ImplicitGradient,
    KeptStates,
    PhantomGradient,
    SolverConfig,
    UnrolledGradient,
)

__all__ = [
    "Gradient",
    "ImplicitGradient",
    "KeptStates",
    "Loop",
    "PhantomGradient",
    "SolveStats",
    "SolverConfig",
    "StopRule",
    "UnrolledGradient",
    "fixed_point",
    "held_states",
    "iterate",
    "relative_residual",
    "row_of",
    "solve",
    "solve_trajectory",
]
