"""The loop against plain Python, for everything it may keep; the plan of binomial checkpointing against brute force."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.fixed_point.binomial_checkpointing import Actions, advances, plan_actions
from engine.fixed_point.unrolled import Loop, iterate
from engine.solver_config import KeptStates

STEPS = 7
KEPT = [
    KeptStates(schedule="all"),
    KeptStates(schedule="state"),
    KeptStates(schedule="binomial", places=0),
    KeptStates(schedule="binomial", places=2),
]


def step(params: Any, own: Any, x: Any, state: Any, index: Any) -> Any:
    z, total = state
    z = jnp.tanh(z @ params + x["a"] + own[None]) * jnp.where(x["flag"], 1.0, 0.5)[:, None]
    return z, total + jnp.sum(z, axis=1) * (1 + index)


def problem() -> tuple[Any, Any, Any, Any]:
    rng = np.random.default_rng(0)
    x = {"a": jnp.asarray(rng.normal(size=(2, 4)), jnp.float32), "flag": jnp.array([True, False])}
    params, own = (jnp.asarray(rng.normal(size=shape) * 0.5, jnp.float32) for shape in ((4, 4), (5, 4)))
    return params, own, x, (jnp.ones((2, 4)), jnp.zeros(2))


def loss_of(state: Any) -> jax.Array:
    return jnp.sum(jnp.sin(state[0])) + jnp.sum(jnp.square(state[1]))


def plainly(params: Any, own: Any, x: Any, state: Any, steps: int) -> jax.Array:
    for index in range(steps):
        # Beyond the last row of `own`, the last one counts.
        state = step(params, own[min(index, 4)], x, state, index)
    return loss_of(state)


@functools.cache
def reference(steps: int) -> Any:
    params, own, x, state = problem()
    return jax.value_and_grad(lambda p, o, a, s: plainly(p, o, {**x, "a": a}, s, steps), argnums=(0, 1, 2, 3))(
        params, own, x["a"], state
    )


@pytest.mark.parametrize("kept", KEPT, ids=lambda kept: f"{kept.schedule}-{kept.places}")
@pytest.mark.parametrize("limit", [None, 3])
def test_gradients_are_those_of_plain_python(kept: KeptStates, limit: int | None) -> None:
    params, own, x, state = problem()

    def loss(params: Any, own: Any, a: Any, state: Any, step_limit: Any) -> jax.Array:
        return loss_of(iterate(Loop(step, STEPS, kept), params, own, {**x, "a": a}, state, step_limit))

    step_limit = None if limit is None else jnp.int32(limit)
    found = jax.jit(jax.value_and_grad(loss, argnums=(0, 1, 2, 3)))(params, own, x["a"], state, step_limit)
    for got, expected in zip(jax.tree.leaves(found), jax.tree.leaves(reference(limit or STEPS)), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)


def counted(limit: int, ends_at: float) -> tuple[int, Any]:
    """Returns how many steps were carried out, and the result."""
    calls: list[int] = []

    def note(_params: Any, _own: Any, _x: Any, state: Any, index: Any) -> Any:
        jax.debug.callback(lambda i: calls.append(int(i)), index)
        return jnp.where(state < ends_at, state + 1, state)

    loop = Loop(note, 64, goes_on=lambda state: jnp.any(state < ends_at))
    result = jax.jit(lambda: iterate(loop, (), (), (), jnp.array([0.0, 1.0]), jnp.int32(limit)))()
    jax.effects_barrier()
    return len(calls), np.asarray(result).tolist()


def test_play_carries_out_no_step_that_nobody_needs() -> None:
    assert counted(limit=5, ends_at=100.0) == (5, [5.0, 6.0])
    assert counted(limit=64, ends_at=3.0) == (3, [3.0, 3.0])
    assert counted(limit=0, ends_at=3.0) == (0, [0.0, 1.0])


def carried_out(actions: Actions, steps: int, places: int) -> int:
    """Carries a plan out with numbers for states, checks every action, and returns the number of advances."""
    kept, state, reversed_steps, advanced = {0: 0}, 0, [], 0
    for load, index, is_reverse, save in zip(*(column.tolist() for column in actions), strict=True):
        assert load <= places and save <= places
        state = kept[load] if load >= 0 else state
        assert state == index, "the state before this step must be present"
        if is_reverse:
            reversed_steps.append(index)
        else:
            state, advanced = state + 1, advanced + 1
        if save >= 0:
            kept[save] = state
    assert reversed_steps == list(range(steps))[::-1]
    return advanced


@pytest.mark.parametrize("places", [0, 1, 2, 4, 9])
def test_plans_reverse_every_step_once_at_the_least_cost(places: int) -> None:
    for steps in (1, 2, 3, 6, 12, 33):
        assert carried_out(plan_actions(steps, places), steps, places) == advances(steps, places)


def closed_form(steps: int, places: int) -> int:
    """Griewank & Walther's least cost, with `places` counting the start: r steps - binomial(places + r, r - 1)."""
    import math

    repetitions = 0
    while math.comb(places + repetitions, places) < steps:
        repetitions += 1
    return repetitions * steps - math.comb(places + repetitions, repetitions - 1) if repetitions else 0


@pytest.mark.parametrize("places", [0, 1, 2, 4])
def test_the_cost_is_the_closed_form_of_the_literature(places: int) -> None:
    for steps in range(1, 40):
        assert advances(steps, places) == closed_form(steps, places + 1)


def test_with_room_for_every_state_each_is_computed_once() -> None:
    assert advances(12, 11) == 11 and advances(12, 0) == 66
    assert KeptStates().schedule == "state"
    with pytest.raises(ValueError, match="places"):
        KeptStates(places=-1)
    with pytest.raises(ValueError, match="schedule"):
        KeptStates(schedule="some")  # type: ignore[arg-type]
