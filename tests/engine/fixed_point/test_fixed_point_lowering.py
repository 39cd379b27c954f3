"""What the compiled programs may cost: backward memory, and no 64-bit number anywhere."""

import re
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from engine.fixed_point.gradients import GRADIENTS, fixed_point
from engine.fixed_point.solver import METHODS
from engine.fixed_point.trajectory import solve_trajectory
from engine.solver_config import Gradient, ImplicitGradient, PhantomGradient, SolverConfig, UnrolledGradient

WIDE_TYPES = re.compile(r"\b(?:f64|s64|u64|c128)\[")
WIDE_TENSORS = re.compile(r"tensor<(?:[^>]*x)?(?:f64|i64|ui64|si64)>")


def tanh_map(weights: jax.Array, x: dict[str, jax.Array], z: jax.Array) -> jax.Array:
    return jnp.tanh(z @ weights + x["bias"] + x["codes"].astype(z.dtype))


def lowered_gradient(solver: SolverConfig, gradient: Gradient, f: Any = tanh_map, dtype: Any = jnp.float32) -> Any:
    def loss(weights: jax.Array, x: Any, z0: jax.Array, limit: jax.Array) -> jax.Array:
        z, stats = fixed_point(f, weights, x, z0, solver, gradient, limit)
        return jnp.sum(z.astype(jnp.float32)) + jnp.sum(stats.converged)

    weights = jnp.ones((64, 64), dtype) * jnp.asarray(0.01, dtype)
    state = jnp.ones((32, 64), dtype)
    x = {"bias": state, "codes": jnp.ones((32, 64), jnp.int8)}
    grad = jax.jit(jax.grad(loss, argnums=(0, 1), allow_int=True))
    return grad.lower(weights, x, state, jnp.int32(4))


def temporary_bytes(solver: SolverConfig, gradient: Gradient) -> int:
    return lowered_gradient(solver, gradient).compile().memory_analysis().temp_size_in_bytes


def test_memory_of_the_implicit_gradient_does_not_grow_with_the_steps() -> None:
    state_bytes = 32 * 64 * 4

    def growth(kind: str) -> int:
        sizes = []
        for steps in (4, 64):
            solver = SolverConfig(max_steps=steps)
            gradient = ImplicitGradient(backward=solver) if kind == "implicit" else PhantomGradient(steps=steps)
            sizes.append(temporary_bytes(solver, gradient))
        return sizes[1] - sizes[0]

    assert growth("implicit") < state_bytes
    # The same measure sees one state kept for each of the 60 further steps, so it can fail.
    assert growth("phantom") > 60 * state_bytes


def test_unroll_recomputes_what_happens_inside_f() -> None:
    # Four layers hold at least five states inside f; checkpointing keeps one state an iteration.
    def deep(weights: jax.Array, x: Any, z: jax.Array) -> jax.Array:
        for _ in range(4):
            z = tanh_map(weights, x, z)
        return z

    sizes = {}
    gradients: tuple[Gradient, ...] = (UnrolledGradient(steps=64), PhantomGradient(steps=64))
    for gradient in gradients:
        compiled = lowered_gradient(SolverConfig(), gradient, deep).compile()
        sizes[gradient.kind] = compiled.memory_analysis().temp_size_in_bytes
    assert sizes["unroll"] < 0.5 * sizes["phantom"]


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
@pytest.mark.parametrize("method", sorted(METHODS))
def test_no_program_holds_a_64_bit_number(method: Any, dtype: Any) -> None:
    solver = SolverConfig(method=method, damping=0.9)
    gradients: tuple[Gradient, ...] = (
        ImplicitGradient(backward=solver),
        PhantomGradient(damping=0.9),
        UnrolledGradient(steps=1, damping=0.9),
    )
    assert {gradient.kind for gradient in gradients} == set(GRADIENTS)
    lowered = [lowered_gradient(solver, gradient, dtype=dtype) for gradient in gradients]
    trajectory = jax.jit(lambda z: solve_trajectory(jnp.tanh, z, solver, 3))
    lowered.append(trajectory.lower(jnp.ones((2, 3), dtype)))
    for program in lowered:
        assert "while" in program.as_text()
        assert WIDE_TENSORS.findall(program.as_text()) == []
        assert WIDE_TYPES.findall(program.as_text(dialect="hlo")) == []


def test_the_search_for_64_bit_numbers_can_fail() -> None:
    with jax.enable_x64(True):
        lowered = jax.jit(lambda z: z * 2 + jnp.arange(3)).lower(jnp.ones(3))
    assert WIDE_TENSORS.search(lowered.as_text())
    assert WIDE_TYPES.search(lowered.as_text(dialect="hlo"))
