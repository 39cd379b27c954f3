"""Iterates a fixed number of steps, with a gradient through every step and a choice of what is kept for it.

| schedule | kept for the backward pass                 | computed again                          |
|----------|--------------------------------------------|-----------------------------------------|
| all      | everything that every step computed        | nothing                                 |
| state    | the state before every step                | every step once                         |
| binomial | `places` states, whatever the steps        | as `binomial_checkpointing.advances` says |

Without a gradient nothing is kept, and the loop ends as soon as no sample goes on: a program that plays computes only
the steps that matter.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from engine.fixed_point.binomial_checkpointing import Step, plan_actions, reverse, row_of
from engine.solver_config import KeptStates


def _always(_state: Any) -> jax.Array:
    return jnp.bool_(True)


class Loop(NamedTuple):
    """Defines the step to repeat, and how often; static."""

    step: Step  # pure; it must not close over traced values
    steps: int  # at least 1
    kept: KeptStates = KeptStates()
    # Whether any sample goes on. Later steps must leave the state unchanged: without a gradient they are skipped.
    goes_on: Callable[[Any], jax.Array] = _always


def iterate(loop: Loop, params: Any, own: Any, x: Any, state: Any, step_limit: jax.Array | None = None) -> Any:
    """Returns the state after the loop, differentiable in params, own, x and the state.

    Args:
      loop: the loop.
      params: pytree of float arrays, the same for every step.
      own: pytree of float arrays `[K, ...]`, of which step i gets row min(i, K - 1).
      x: pytree of arrays, the same for every step; integer and boolean leaves get no gradient.
      state: pytree of float arrays.
      step_limit: scalar int32, may be traced; fewer steps than the loop's.
    """
    limit = jnp.int32(loop.steps)
    if step_limit is not None:
        limit = jnp.minimum(limit, jnp.asarray(step_limit, jnp.int32))
    return _iterate(loop, step_limit is not None, params, own, x, state, limit)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _iterate(loop: Loop, is_limited: bool, params: Any, own: Any, x: Any, state: Any, limit: jax.Array) -> Any:
    del is_limited

    def is_unfinished(carry: tuple[jax.Array, Any]) -> jax.Array:
        return (carry[0] < limit) & loop.goes_on(carry[1])

    def advance(carry: tuple[jax.Array, Any]) -> tuple[jax.Array, Any]:
        index, state = carry
        return index + 1, loop.step(params, row_of(own, index), x, state, index)

    return lax.while_loop(is_unfinished, advance, (jnp.int32(0), state))[1]


def _limited(loop: Loop, is_limited: bool, limit: jax.Array) -> Step:
    """Returns the step that does nothing from the limit on."""
    if not is_limited:
        return loop.step

    def step(params: Any, own: Any, x: Any, state: Any, index: jax.Array) -> Any:
        # A branch and not a mask: a step beyond the limit costs nothing.
        return lax.cond(index < limit, lambda: loop.step(params, own, x, state, index), lambda: state)

    return step


def _forward(
    loop: Loop, is_limited: bool, params: Any, own: Any, x: Any, state: Any, limit: jax.Array
) -> tuple[Any, Any]:
    if loop.kept.schedule == "binomial":
        return _iterate(loop, is_limited, params, own, x, state, limit), (params, own, x, state, limit)
    step = _limited(loop, is_limited, limit)

    def scanned(params: Any, own: Any, x: Any, state: Any) -> Any:
        def body(state: Any, this: tuple[jax.Array, Any]) -> tuple[Any, None]:
            index, own_row = this
            return step(params, own_row, x, state, index), None

        kept_body = jax.checkpoint(body) if loop.kept.schedule == "state" else body
        return lax.scan(kept_body, state, (jnp.arange(loop.steps, dtype=jnp.int32), _rows(own, loop.steps)))[0]

    return jax.vjp(scanned, params, own, x, state)


def _rows(own: Any, steps: int) -> Any:
    """Returns leaves `[K, ...]` as `[steps, ...]`, the last row repeated."""
    return jax.tree.map(
        lambda leaf: leaf if len(leaf) == steps else leaf[jnp.minimum(jnp.arange(steps), len(leaf) - 1)], own
    )


def _backward(loop: Loop, is_limited: bool, saved: Any, cotangent: Any) -> tuple[Any, Any, Any, Any, None]:
    if loop.kept.schedule != "binomial":
        params_cotangent, own_cotangent, x_cotangent, state_cotangent = saved(cotangent)
        return params_cotangent, own_cotangent, x_cotangent, state_cotangent, None
    params, own, x, state, limit = saved
    step = _limited(loop, is_limited, limit)
    x_leaves, x_tree = jax.tree.flatten(x)
    is_float = [jnp.issubdtype(leaf.dtype, jnp.floating) for leaf in x_leaves]
    x_floats = [leaf for leaf, keep in zip(x_leaves, is_float, strict=True) if keep]

    def of_floats(params: Any, own_row: Any, x_floats: list[jax.Array], state: Any, index: jax.Array) -> Any:
        floats = iter(x_floats)
        leaves = [next(floats) if keep else leaf for leaf, keep in zip(x_leaves, is_float, strict=True)]
        return step(params, own_row, jax.tree.unflatten(x_tree, leaves), state, index)

    actions = plan_actions(loop.steps, min(loop.kept.places, loop.steps - 1))
    found = reverse(of_floats, actions, params, own, x_floats, state, cotangent)
    x_found = iter(found.x)
    x_cotangent = [next(x_found) if keep else None for keep in is_float]
    return found.params, found.own, jax.tree.unflatten(x_tree, x_cotangent), found.state, None


_iterate.defvjp(_forward, _backward)
