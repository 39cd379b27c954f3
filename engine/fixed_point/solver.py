"""Finds z = f(z) for a batch: the one loop of every method, with a stop rule per sample, and Picard iteration.

Everything is batch-first `[B, ...]`; no value crosses the batch axis, but the loop runs until its
slowest sample is done. A sample that is done is frozen: later steps do not change it. Methods see
flat states `[B, N]`; N is here the number of elements in the state of one sample.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
from jax import lax

from engine.fixed_point import anderson, broyden
from engine.solver_config import SolverConfig, SolverMethod

BatchedMap = Callable[[jax.Array], jax.Array]


class Method(NamedTuple):
    """Defines an update rule on flat states `[B, N]`."""

    init: Callable[..., Any]  # (z0, config) -> state
    step: Callable[..., Any]  # (state, z, f(z), steps before, config) -> (next z, state)


def _picard_init(z0: jax.Array, config: SolverConfig) -> tuple[()]:
    del z0, config
    return ()


def _picard_step(
    state: tuple[()], z: jax.Array, image: jax.Array, count: jax.Array, config: SolverConfig
) -> tuple[jax.Array, tuple[()]]:
    """Returns z + d (f(z) - z), damped by d; Picard iteration remembers nothing, and its rate is that of f."""
    del count
    if config.damping == 1.0:  # Exactly f(z), free of the rounding of z + (f(z) - z).
        return image, state
    return z + config.damping * (image - z), state


METHODS: dict[SolverMethod, Method] = {
    "anderson": Method(anderson.init, anderson.step),
    "picard": Method(_picard_init, _picard_step),
    "broyden": Method(broyden.init, broyden.step),
}


class SolveStats(NamedTuple):
    """Says how the search of each sample ended."""

    residual: jax.Array  # [B] float32, lowest relative residual seen; inf when none was finite
    steps: jax.Array  # [B] int32, evaluations of f until the sample was done
    converged: jax.Array  # [B] bool, residual <= tolerance


class StopRule(NamedTuple):
    """Ends the search of a sample by what its state shows, beside the residual.

    Both functions take states `[B, ...]` sample by sample and must not close over traced values that are
    differentiated.
    """

    is_enough: Callable[[jax.Array, jax.Array], jax.Array]  # (states, evaluations of f made, [] or [B]) -> bool [B]
    result: Callable[[jax.Array], jax.Array]  # states of samples that the rule ended -> the states to return for them


class _Progress(NamedTuple):
    step: jax.Array  # [] int32
    iterate: jax.Array  # [B, N]
    best_image: jax.Array  # [B, N], f of the iterate with the lowest residual
    best_residual: jax.Array  # [B] float32
    milestone: jax.Array  # [B] float32, residual at the last notable progress
    stale_steps: jax.Array  # [B] int32, steps since the milestone
    steps: jax.Array  # [B] int32
    is_active: jax.Array  # [B] bool
    method_state: Any  # pytree of the method


def solve(
    f: BatchedMap,
    z0: jax.Array,
    config: SolverConfig,
    step_limit: jax.Array | None = None,
    rule: StopRule | None = None,
) -> tuple[jax.Array, SolveStats]:
    """Searches for a fixed point of f for each sample and returns the best state found.

    A sample ends when its residual reaches `tolerance`, when it stagnates (the residual has not
    fallen below `stagnation_ratio` times the milestone for `stagnation_steps` steps), when its
    residual is not finite, or with the loop. The state returned is the image f(z_k) of the
    iterate z_k with the lowest residual, the latest of equals: it costs nothing and lies nearer
    to the fixed point than z_k. So Picard steps that keep lowering the residual return exactly f
    applied `steps` times. If no residual was finite, z0 is returned.

    The residual is relative, so a fixed point at 0 ends by stagnation and not by tolerance.

    Args:
      f: maps `[B, ...]` to the same shape and dtype, sample by sample; evaluated once a step.
      z0: start `[B, ...]`, floating point.
      config: method and stop rule.
      step_limit: scalar int32; the loop runs at most min(step_limit, max_steps) steps. It may be
        traced, so that one compiled program serves every limit. At 0, z0 is returned.
      rule: also ends a sample, at the image that it finds good enough; its `result` is left to the caller.

    Returns:
      State `[B, ...]` in the dtype of z0, and the statistics of each sample.
    """
    check_start(z0)
    flat_f, flat_z0 = flatten(f, z0)
    method = METHODS[config.method]
    limit = jnp.int32(config.max_steps)
    if step_limit is not None:
        chex.assert_shape(step_limit, ())
        limit = jnp.minimum(limit, jnp.asarray(step_limit, jnp.int32))

    def is_unfinished(progress: _Progress) -> jax.Array:
        return jnp.any(progress.is_active) & (progress.step < limit)

    def advance(progress: _Progress) -> _Progress:
        image = flat_f(progress.iterate)
        proposal, method_state = method.step(progress.method_state, progress.iterate, image, progress.step, config)
        recorded = _record(progress, image, config)
        if rule is not None and config.max_steps > 1:  # one step ends the loop in any case
            is_enough = rule.is_enough(image.reshape(z0.shape), recorded.step)
            recorded = recorded._replace(is_active=recorded.is_active & ~is_enough)
        return recorded._replace(
            iterate=jnp.where(progress.is_active[:, None], proposal, progress.iterate),
            method_state=method_state,
        )

    start = _start(flat_z0, method.init(flat_z0, config))
    end = lax.while_loop(is_unfinished, advance, start)
    stats = SolveStats(end.best_residual, end.steps, end.best_residual <= config.tolerance)
    return end.best_image.reshape(z0.shape), stats


def relative_residual(z: jax.Array, image: jax.Array) -> jax.Array:
    """Returns ||f(z) - z|| / ||f(z)|| of each sample, `[B]` float32, 0 where both norms are 0.

    Args:
      z: `[B, ...]`.
      image: f(z), same shape and dtype.
    """
    chex.assert_equal_shape([z, image])
    axes = tuple(range(1, z.ndim))
    # float32 at least: a bfloat16 sum of squares over a whole state loses the small terms.
    dtype = jnp.promote_types(z.dtype, jnp.float32)
    image = image.astype(dtype)
    difference = jnp.sqrt(jnp.sum(jnp.square(image - z.astype(dtype)), axis=axes))
    size = jnp.sqrt(jnp.sum(jnp.square(image), axis=axes))
    # The smallest normal number guards 0 / 0 only: cotangents may be tiny and still matter.
    return (difference / (size + jnp.finfo(jnp.float32).tiny)).astype(jnp.float32)


def _record(progress: _Progress, image: jax.Array, config: SolverConfig) -> _Progress:
    """Returns the progress after f was evaluated at its iterate; iterate and method unchanged."""
    active = progress.is_active
    residual = relative_residual(progress.iterate, image)
    # Comparisons with NaN are false: a broken image is never the best.
    is_best = active & (residual <= progress.best_residual) & jnp.isfinite(residual)
    is_notable = active & (residual < config.stagnation_ratio * progress.milestone)
    stale_steps = jnp.where(is_notable, 0, progress.stale_steps + 1)
    is_done = (residual <= config.tolerance) | ~jnp.isfinite(residual)
    if config.stagnation_steps:
        is_done |= stale_steps >= config.stagnation_steps
    return progress._replace(
        step=progress.step + 1,
        best_image=jnp.where(is_best[:, None], image, progress.best_image),
        best_residual=jnp.where(is_best, residual, progress.best_residual),
        milestone=jnp.where(is_notable, residual, progress.milestone),
        stale_steps=stale_steps,
        steps=progress.steps + active.astype(jnp.int32),
        is_active=active & ~is_done,
    )


def _start(flat_z0: jax.Array, method_state: Any) -> _Progress:
    batch = flat_z0.shape[0]
    infinite = jnp.full((batch,), jnp.inf, jnp.float32)
    zero = jnp.zeros((batch,), jnp.int32)
    return _Progress(
        step=jnp.int32(0),
        iterate=flat_z0,
        best_image=flat_z0,
        best_residual=infinite,
        milestone=infinite,
        stale_steps=zero,
        steps=zero,
        is_active=jnp.ones((batch,), bool),
        method_state=method_state,
    )


def check_start(z0: jax.Array) -> None:
    """Refuses a start that is no batch of floating-point states."""
    chex.assert_type(z0, float)
    chex.assert_scalar_positive(z0.ndim)


def flatten(f: BatchedMap, z0: jax.Array) -> tuple[BatchedMap, jax.Array]:
    """Returns f as a map of `[B, N]`, and z0 as `[B, N]`."""
    flat_z0 = z0.reshape(z0.shape[0], -1)

    def flat_f(flat_z: jax.Array) -> jax.Array:
        image = f(flat_z.reshape(z0.shape))
        chex.assert_equal_shape([image, z0])
        chex.assert_type(image, z0.dtype)
        return image.reshape(flat_z0.shape)

    return flat_f, flat_z0
