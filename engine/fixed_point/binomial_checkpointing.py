"""Implements binomial ("treeverse") checkpointing: the backward pass keeps few states and recomputes the others.

For a loop of known length the optimal plan is a recursion: walk forward to a state in the middle, keep it, reverse what
follows it with one place fewer, then reverse what precedes it with all places (Griewank & Walther 2000,
"Revolve", algorithm 799). With c places every step is computed again at most r times, where binomial(c + r, c) is at
least the number of steps; the memory is that of c states and one step, whatever the number of steps.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

# (parameters of all steps, of this step, input, state, index of the step) -> next state
Step = Callable[[Any, Any, Any, Any, jax.Array], Any]


class Actions(NamedTuple):
    """Holds a plan, action after action, `[actions]` int32 each. Place 0 holds the start of the loop."""

    load: np.ndarray  # place whose state is loaded before the action; -1 keeps the present one
    step: np.ndarray  # of the loop, from 0
    is_reverse: np.ndarray  # 1: the step is differentiated at the present state; 0: the state is advanced by it
    save: np.ndarray  # place where the advanced state is kept; -1 for none


@functools.cache
def advances(steps: int, places: int) -> int:
    """Returns the fewest steps that must be recomputed to reverse a loop whose start is kept.

    A step that is differentiated is also computed, which is not counted here.

    Args:
      steps: of the loop, at least 1.
      places: for states beside the start, at least 0.
    """
    if steps == 1:
        return 0
    if places == 0:
        return steps * (steps - 1) // 2
    return min(_split_cost(steps, places, first) for first in range(1, steps))


def _split_cost(steps: int, places: int, first: int) -> int:
    return first + advances(steps - first, places - 1) + advances(first, places)


@functools.cache
def plan_actions(steps: int, places: int) -> Actions:
    """Returns an optimal plan.

    Args:
      steps: of the loop, at least 1.
      places: for states beside the start, at least 0.
    """
    rows: list[tuple[int, int, int, int]] = []

    def advance(first: int, last: int, load: int, save: int) -> None:
        for index in range(first, last):
            rows.append((load if index == first else -1, index, 0, save if index == last - 1 else -1))

    def reverse(first: int, last: int, place: int, free: int) -> None:
        """Reverses the steps first..last - 1; the state before them is at `place`, and `free` places follow it."""
        while last - first > 1:
            if free == 0:
                middle = last - 1
                advance(first, middle, place, -1)
                rows.append((-1, middle, 1, -1))
            else:
                length = last - first
                middle = first + min(range(1, length), key=lambda size: _split_cost(length, free, size))
                advance(first, middle, place, place + 1)
                reverse(middle, last, place + 1, free - 1)
            last = middle
        rows.append((place, first, 1, -1))

    reverse(0, steps, 0, places)
    return Actions(*np.array(rows, np.int32).T)


def row_of(own: Any, index: jax.Array) -> Any:
    """Returns row min(index, K - 1) of every leaf `[K, ...]`."""
    return jax.tree.map(
        lambda leaf: lax.dynamic_index_in_dim(leaf, jnp.minimum(index, len(leaf) - 1), keepdims=False), own
    )


class Cotangents(NamedTuple):
    """Gradients of a loop's result with respect to its inputs."""

    params: Any
    own: Any
    x: Any
    state: Any


def reverse(step: Step, actions: Actions, params: Any, own: Any, x: Any, start: Any, cotangent: Any) -> Cotangents:
    """Returns the gradients of a loop by carrying out a plan.

    The program holds the step twice, however long the plan is.

    Args:
      step: of the loop.
      actions: plan of the loop.
      params: pytree of float arrays, the same for every step.
      own: pytree of float arrays `[K, ...]`, of which step i gets row min(i, K - 1).
      x: pytree of float arrays, the same for every step.
      start: state before the first step.
      cotangent: of the last state.
    """
    places = 1 + max(int(actions.save.max()), int(actions.load.max()))
    kept = jax.tree.map(lambda leaf: jnp.zeros((places, *leaf.shape), leaf.dtype).at[0].set(leaf), start)
    zeros = jax.tree.map(jnp.zeros_like, (params, own, x))
    sums = Cotangents(zeros[0], zeros[1], zeros[2], cotangent)

    def act(carry: tuple[Any, Any, Cotangents], action: Any) -> tuple[Any, None]:
        state, kept, sums = carry
        load, index, is_reverse, save = action
        state = lax.cond(load >= 0, lambda: row_of(kept, load), lambda: state)

        row = row_of(own, index)

        def differentiate() -> tuple[Any, Cotangents]:
            _, vjp = jax.vjp(lambda *given: step(given[0], given[1], given[2], given[3], index), params, row, x, state)
            params_change, own_change, x_change, state_cotangent = vjp(sums.state)
            params_sum, x_sum = jax.tree.map(jnp.add, (sums.params, sums.x), (params_change, x_change))
            own_sum = jax.tree.map(functools.partial(_added_to_row, index), sums.own, own_change)
            return state, Cotangents(params_sum, own_sum, x_sum, state_cotangent)

        def advance() -> tuple[Any, Cotangents]:
            return step(params, row, x, state, index), sums

        state, sums = lax.cond(is_reverse > 0, differentiate, advance)
        kept = lax.cond(
            save >= 0, lambda: jax.tree.map(lambda all, one: all.at[save].set(one), kept, state), lambda: kept
        )
        return (state, kept, sums), None

    (_, _, sums), _ = lax.scan(act, (start, kept, sums), jax.tree.map(jnp.asarray, actions))
    return sums


def _added_to_row(index: jax.Array, rows: jax.Array, change: jax.Array) -> jax.Array:
    return rows.at[jnp.minimum(index, len(rows) - 1)].add(change)
