"""Gradients through the whole network: alive everywhere, and right."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from engine.fixed_point import Gradient, ImplicitGradient, PhantomGradient, SolverConfig, UnrolledGradient
from engine.network.block import Injection
from engine.network.cores.core_configs import DeqConfig
from engine.network.cores.deq import DeqCore
from engine.network.network_config import NetworkConfig
from engine.network.products import FLOAT32
from tests.doubles.tiny_network import (
    gradient_program,
    param_shapes,
    positions,
    stirred,
    tiny_config,
    trained_variants,
    training_network,
)

EXACT = SolverConfig(max_steps=200, tolerance=1e-11, stagnation_steps=0)
GRADIENTS: dict[str, Gradient] = {
    "implicit": ImplicitGradient(backward=EXACT),
    "phantom": PhantomGradient(steps=150),
    "unroll": UnrolledGradient(steps=200),
}


@pytest.mark.parametrize("name", sorted(trained_variants()))
def test_every_parameter_hears_the_loss(name: str) -> None:
    network = training_network(trained_variants()[name])
    params = stirred(param_shapes(network))
    loss, gradient = gradient_program(network, 4).compiled(params, positions(128)[::32])
    assert np.isfinite(loss)
    leaves = jax.tree_util.tree_leaves_with_path(gradient)
    assert all(bool(jnp.all(jnp.isfinite(leaf))) for _, leaf in leaves)
    dead = [jax.tree_util.keystr(path) for path, leaf in leaves if float(jnp.max(jnp.abs(leaf))) == 0]
    assert not dead


@pytest.fixture
def double_precision() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


def core_problem() -> tuple[NetworkConfig, Any, Injection]:
    """Returns a core in float64 that contracts: small kernels leave the injection to rule."""
    config = tiny_config(width=8, hidden_width=8, gate="dense")
    f_params = stirred(param_shapes(training_network(config)))["core"]["f"]

    def gentle(path: Any, leaf: jax.Array) -> jax.Array:
        return jnp.asarray(leaf, jnp.float64) * (0.4 if path[-1].key == "kernel" else 1.0)

    rng = np.random.default_rng(0)
    tokens, bias = rng.normal(size=(2, 32, 8)), rng.normal(size=(2, config.heads, 32, 32))
    return config, jax.tree_util.tree_map_with_path(gentle, f_params), Injection(jnp.asarray(tokens), jnp.asarray(bias))


def core_loss(config: NetworkConfig, gradient: Gradient) -> Any:
    core = DeqCore(dataclasses.replace(config, core=DeqConfig(solver=EXACT, gradient=gradient)), FLOAT32)

    def loss(params: Any, injection: Injection) -> tuple[jax.Array, Any]:
        z, stats = core.apply({"params": {"f": params}}, injection)
        weights = jnp.sin(jnp.arange(z.size, dtype=z.dtype)).reshape(z.shape)
        return jnp.mean(z * weights), stats

    return loss


@pytest.mark.usefixtures("double_precision")
def test_gradients_of_the_core_agree_with_each_other_and_with_differences() -> None:
    config, params, injection = core_problem()
    flat: dict[str, Any] = {}
    for name, gradient in GRADIENTS.items():
        grad = jax.jit(jax.value_and_grad(core_loss(config, gradient), argnums=(0, 1), has_aux=True))
        (_, stats), found = grad(params, injection)
        assert bool(jnp.all(stats.converged))
        flat[name] = ravel_pytree(found)[0]
    size = float(jnp.max(jnp.abs(flat["implicit"])))
    # In float64 all three solve to about 1e-11; what is left is that over one minus the rate.
    for name, found in flat.items():
        np.testing.assert_allclose(found, flat["implicit"], atol=1e-8 * size, err_msg=name)

    point, unravel = ravel_pytree((params, injection))
    loss = jax.jit(core_loss(config, GRADIENTS["implicit"]))
    for seed in range(3):
        direction = np.random.default_rng(seed).normal(size=point.shape)
        direction /= np.linalg.norm(direction)
        ahead, behind = (loss(*unravel(point + step * direction))[0] for step in (1e-4, -1e-4))
        # The solver's noise of 1e-11 over the step of 2e-4, and the square of the step.
        np.testing.assert_allclose(flat["implicit"] @ direction, (ahead - behind) / 2e-4, rtol=1e-4, atol=1e-7)


def solving(mode: Any, steps: int) -> NetworkConfig:
    """Returns a configuration with as many steps forward and backward."""
    solver = SolverConfig(method="picard", max_steps=steps)
    gradient = ImplicitGradient(backward=solver) if mode == "implicit" else UnrolledGradient(steps=steps)
    return tiny_config(core=DeqConfig(solver=solver, gradient=gradient))


def core_bytes(mode: Any, steps: int) -> int:
    """Returns the memory of the core's gradient beside arguments and results."""
    config = solving(mode, steps)
    core = DeqCore(config, FLOAT32)

    def loss(params: Any, injection: Injection) -> jax.Array:
        return jnp.mean(jnp.square(core.apply({"params": params}, injection)[0]))

    params = param_shapes(training_network(config))["core"]
    injection = Injection(jnp.zeros((16, 32, config.width)), jnp.zeros((16, config.heads, 32, 32)))
    memory: Any = jax.jit(jax.grad(loss)).lower(params, injection).compile().memory_analysis()
    return int(memory.temp_size_in_bytes)


STATE_BYTES = 16 * 32 * 32 * 4


def test_memory_of_the_implicit_gradient_does_not_grow_with_the_steps() -> None:
    assert core_bytes("implicit", 64) - core_bytes("implicit", 4) < STATE_BYTES
    # The same measure sees the states that unrolling keeps, so it can fail.
    assert core_bytes("unroll", 64) - core_bytes("unroll", 4) > 50 * STATE_BYTES


@pytest.mark.slow
def test_memory_of_the_whole_networks_implicit_gradient_does_not_grow_with_the_steps() -> None:
    def network_bytes(steps: int) -> int:
        program = gradient_program(training_network(solving("implicit", steps)), 16)
        memory: Any = program.compiled.memory_analysis()
        return int(memory.temp_size_in_bytes)

    assert network_bytes(64) - network_bytes(4) < STATE_BYTES
