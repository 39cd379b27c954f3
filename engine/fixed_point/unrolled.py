"""A loop of a fixed number of steps whose gradient goes through every step; what it keeps for that is chosen.

| schedule | kept for the backward pass                 | computed again                          |
|----------|--------------------------------------------|-----------------------------------------|
| all      | everything that every step computed        | nothing                                 |
| state    | the state before every step                | every step once                         |
| binomial | `places` states, whatever the steps        | as `checkpoint_plan.advances` says      |

Without a gradient nothing is kept, and the loop ends as soon as no sample goes on: a program that plays computes only
the steps that count.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from engine.fixed_point.checkpoint_plan import Actions, plan_actions
from engine.fixed_point.solver_config import KeptStates

# (parameters of all steps, of this step, input, state, index of the step) -> next state
Step = Callable[[Any, Any, Any, Any, jax.Array], Any]


def _always(_state: Any) -> jax.Array:
    return jnp.bool_(True)


class Loop(NamedTuple):
    """What is repeated, and how often; static."""

    step: Step  # pure; it must not close over traced values
    steps: int  # at least 1
    kept: KeptStates = KeptStates()
    # Whether any sample goes on. Steps after that must leave the state as it is: they are left out in play only.
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


def row_of(own: Any, index: jax.Array) -> Any:
    """Returns row min(index, K - 1) of every leaf `[K, ...]`."""
    return jax.tree.map(
        lambda leaf: lax.dynamic_index_in_dim(leaf, jnp.minimum(index, len(leaf) - 1), keepdims=False), own
    )


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
    found = _reversed(of_floats, actions, params, own, x_floats, state, cotangent)
    x_found = iter(found.x)
    x_cotangent = [next(x_found) if keep else None for keep in is_float]
    return found.params, found.own, jax.tree.unflatten(x_tree, x_cotangent), found.state, None


class _Cotangents(NamedTuple):
    params: Any
    own: Any
    x: Any
    state: Any


def _reversed(step: Step, actions: Actions, params: Any, own: Any, x: Any, start: Any, cotangent: Any) -> _Cotangents:
    """Carries out a plan; the program holds the step twice, however long the plan is."""
    places = 1 + max(int(actions.save.max()), int(actions.load.max()))
    kept = jax.tree.map(lambda leaf: jnp.zeros((places, *leaf.shape), leaf.dtype).at[0].set(leaf), start)
    zeros = jax.tree.map(jnp.zeros_like, (params, own, x))
    sums = _Cotangents(zeros[0], zeros[1], zeros[2], cotangent)

    def act(carry: tuple[Any, Any, _Cotangents], action: Any) -> tuple[Any, None]:
        state, kept, sums = carry
        load, index, is_reverse, save = action
        state = lax.cond(load >= 0, lambda: row_of(kept, load), lambda: state)

        row = row_of(own, index)

        def reverse() -> tuple[Any, _Cotangents]:
            _, vjp = jax.vjp(lambda *given: step(given[0], given[1], given[2], given[3], index), params, row, x, state)
            params_change, own_change, x_change, state_cotangent = vjp(sums.state)
            params_sum, x_sum = jax.tree.map(jnp.add, (sums.params, sums.x), (params_change, x_change))
            own_sum = jax.tree.map(functools.partial(_added_to_row, index), sums.own, own_change)
            return state, _Cotangents(params_sum, own_sum, x_sum, state_cotangent)

        def advance() -> tuple[Any, _Cotangents]:
            return step(params, row, x, state, index), sums

        state, sums = lax.cond(is_reverse > 0, reverse, advance)
        kept = lax.cond(
            save >= 0, lambda: jax.tree.map(lambda all, one: all.at[save].set(one), kept, state), lambda: kept
        )
        return (state, kept, sums), None

    (_, _, sums), _ = lax.scan(act, (start, kept, sums), jax.tree.map(jnp.asarray, actions))
    return sums


def _added_to_row(index: jax.Array, rows: jax.Array, change: jax.Array) -> jax.Array:
    return rows.at[jnp.minimum(index, len(rows) - 1)].add(change)


_iterate.defvjp(_forward, _backward)
