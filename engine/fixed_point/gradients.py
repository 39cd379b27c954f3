"""Differentiates fixed points z = f(params, x, z): implicit, phantom and unrolled gradients.

| gradient | backward pass                                  | memory                  |
|----------|------------------------------------------------|-------------------------|
| implicit | solves u = v + J^T u at z, then u^T df         | one evaluation of f     |
| phantom  | through k damped steps taken at the solution   | k evaluations of f      |
| unroll   | through every iteration (`unrolled.py`)        | as `kept` says          |

Implicit: Bai et al. 2019, "Deep Equilibrium Models", theorem 1. Phantom: Geng et al. 2021, "On
Training Implicit Models", unrolling form; k = 1 is the Jacobian-free gradient of Fung et al. 2021.
Only vector-Jacobian products are taken, so f may contain `jax.custom_vjp` functions.
"""

import functools
from collections.abc import Callable
from typing import Any

import chex
import jax
import jax.numpy as jnp
from jax import lax

from engine.fixed_point.solver import SolveStats, StopRule, relative_residual, solve
from engine.fixed_point.unrolled import Loop, iterate
from engine.solver_config import (
    Gradient,
    ImplicitGradient,
    PhantomGradient,
    SolverConfig,
    UnrolledGradient,
)

ParametricMap = Callable[[Any, Any, jax.Array], jax.Array]


def fixed_point(
    f: ParametricMap,
    params: Any,
    x: Any,
    z0: jax.Array,
    solver: SolverConfig,
    gradient: Gradient,
    step_limit: jax.Array | None = None,
    rule: StopRule | None = None,
) -> tuple[jax.Array, SolveStats]:
    """Returns a fixed point of z -> f(params, x, z), differentiable in params and x.

    Args:
      f: pure function to the shape and dtype of z, sample by sample. It must not close over
        traced values: what it depends on goes through `params` and `x`.
      params: pytree of arrays, shared by the batch.
      x: pytree of arrays, typically `[B, ...]`. Integer and boolean leaves get no gradient.
      z0: start `[B, ...]`; its gradient is zero.
      solver: forward solver; an unrolled gradient reads only its tolerance, for the statistics.
      gradient: how to differentiate.
      step_limit: scalar int32, may be traced; bounds the forward solve, or the unrolled
        iterations, at run time. The extra steps of a phantom gradient are always taken, unless a
        rule has ended the sample.
      rule: also ends samples; only with a phantom gradient.

    Returns:
      State `[B, ...]` and the statistics of the forward solve, which carry no gradient. Unrolled
      iterations report the residual of the last one. Under a rule, the steps of a phantom gradient
      count as steps, since then it depends on the sample whether they are taken.

    Raises:
      ValueError: there is a rule, and the gradient is of another kind.
    """
    chex.assert_type(z0, float)
    if step_limit is not None:
        chex.assert_shape(step_limit, ())
    if rule is not None:
        if not isinstance(gradient, PhantomGradient):
            raise ValueError(f"expected a phantom gradient beside a stop rule, got {gradient.kind}")
        return _ruled(f, solver, gradient, rule, params, x, z0, step_limit)
    return GRADIENTS[gradient.kind](f, solver, gradient, params, x, z0, step_limit)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2))
def _implicit(
    f: ParametricMap,
    solver: SolverConfig,
    gradient: ImplicitGradient,
    params: Any,
    x: Any,
    z0: jax.Array,
    step_limit: jax.Array | None,
) -> tuple[jax.Array, SolveStats]:
    del gradient
    return solve(functools.partial(f, params, x), z0, solver, step_limit)


def _implicit_forward(
    f: ParametricMap,
    solver: SolverConfig,
    gradient: ImplicitGradient,
    params: Any,
    x: Any,
    z0: jax.Array,
    step_limit: jax.Array | None,
) -> tuple[tuple[jax.Array, SolveStats], tuple[Any, Any, jax.Array]]:
    z, stats = _implicit(f, solver, gradient, params, x, z0, step_limit)
    return (z, stats), (params, x, z)


def _implicit_backward(
    f: ParametricMap,
    solver: SolverConfig,
    gradient: ImplicitGradient,
    saved: tuple[Any, Any, jax.Array],
    cotangents: tuple[jax.Array, SolveStats],
) -> tuple[Any, Any, jax.Array, None]:
    del solver
    params, x, z = saved
    # float32 at least: u is a sum over powers of J^T whose late terms bfloat16 would drop.
    v = cotangents[0].astype(jnp.promote_types(z.dtype, jnp.float32))
    _, f_vjp = jax.vjp(f, params, x, z)

    def adjoint(u: jax.Array) -> jax.Array:
        return v + f_vjp(u.astype(z.dtype))[2].astype(v.dtype)

    u, _ = solve(adjoint, v, gradient.backward)
    params_cotangent, x_cotangent, _ = f_vjp(u.astype(z.dtype))
    return params_cotangent, x_cotangent, jnp.zeros_like(z), None


_implicit.defvjp(_implicit_forward, _implicit_backward)


def _phantom(
    f: ParametricMap,
    solver: SolverConfig,
    gradient: PhantomGradient,
    params: Any,
    x: Any,
    z0: jax.Array,
    step_limit: jax.Array | None,
) -> tuple[jax.Array, SolveStats]:
    # Without gradients on every input, reverse mode never looks into the solver's while loop.
    frozen = lax.stop_gradient((params, x, z0))
    z, stats = solve(functools.partial(f, *frozen[:2]), frozen[2], solver, step_limit)

    def step(z: jax.Array, _: None) -> tuple[jax.Array, None]:
        return _damped(z, f(params, x, z), gradient.damping), None

    z, _ = lax.scan(step, z, length=gradient.steps)
    return z, stats


def _ruled(
    f: ParametricMap,
    solver: SolverConfig,
    gradient: PhantomGradient,
    rule: StopRule,
    params: Any,
    x: Any,
    z0: jax.Array,
    step_limit: jax.Array | None,
) -> tuple[jax.Array, SolveStats]:
    """Returns what `_phantom` returns, except for samples that a rule has ended; has no gradient."""
    z, stats = solve(functools.partial(f, params, x), z0, solver, step_limit, rule)
    is_enough = rule.is_enough(z, stats.steps)  # [B]

    def go_on(z: jax.Array) -> jax.Array:
        moved = z
        for _ in range(gradient.steps):
            moved = _damped(moved, f(params, x, moved), gradient.damping)
        if len(z) == 1:  # the only sample has not ended, or this branch would not run
            return moved
        return jnp.where(is_enough.reshape(-1, *(1,) * (z.ndim - 1)), rule.result(z), moved)

    z = lax.cond(jnp.all(is_enough), rule.result, go_on, z)
    return z, stats._replace(steps=stats.steps + jnp.where(is_enough, 0, gradient.steps))


def _unroll(
    f: ParametricMap,
    solver: SolverConfig,
    gradient: UnrolledGradient,
    params: Any,
    x: Any,
    z0: jax.Array,
    step_limit: jax.Array | None,
) -> tuple[jax.Array, SolveStats]:
    limit = jnp.int32(gradient.steps)
    if step_limit is not None:
        limit = jnp.minimum(limit, jnp.asarray(step_limit, jnp.int32))

    def step(params: Any, _own: Any, x: Any, state: tuple[jax.Array, jax.Array], _index: jax.Array) -> Any:
        z, _ = state
        image = f(params, x, z)
        residual = lax.stop_gradient(relative_residual(z, image))
        return _damped(z, image, gradient.damping), residual

    batch = z0.shape[0]
    start = (lax.stop_gradient(z0), jnp.full((batch,), jnp.inf, jnp.float32))
    z, residual = iterate(Loop(step, gradient.steps, gradient.kept), params, (), x, start, step_limit)
    return z, SolveStats(residual, jnp.full((batch,), limit, jnp.int32), residual <= solver.tolerance)


def _damped(z: jax.Array, image: jax.Array, damping: float) -> jax.Array:
    if damping == 1.0:
        return image
    return (1.0 - damping) * z + damping * image


GRADIENTS: dict[str, Callable[..., tuple[jax.Array, SolveStats]]] = {
    "implicit": _implicit,
    "phantom": _phantom,
    "unroll": _unroll,
}
