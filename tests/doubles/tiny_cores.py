"""Every core at a size that compiles in seconds, and boards to feed it."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from engine.fixed_point import SolverConfig, UnrolledGradient
from engine.network.attention import MASKED
from engine.network.block import Injection
from engine.network.cores.core_configs import (
    AsuraConfig,
    CoreConfig,
    DeqConfig,
    FlatConfig,
    GolfRecurrentConfig,
    RqzGolfConfig,
    UniversalConfig,
)
from engine.network.cores.core_registry import CORES, Core
from engine.network.int8 import TRAINING_PRODUCTS
from engine.network.network_config import NetworkConfig
from tests.doubles.tiny_network import stirred, tiny_config

BOARDS, TOKENS, WIDTH, HEADS = 3, 6, 16, 2

TINY_CORES: dict[str, CoreConfig] = {
    "deq": DeqConfig(
        solver=SolverConfig(method="picard", max_steps=3, tolerance=0.0, stagnation_steps=0),
        gradient=UnrolledGradient(steps=3),
    ),
    "universal": UniversalConfig(iterations=3),
    "asura": AsuraConfig(iterations=3, adapter_rank=2),
    "rqz_golf": RqzGolfConfig(iterations=3, encoder_blocks=1, decoder_blocks=1),
    "golf_recurrent": GolfRecurrentConfig(
        iterations=3, key_value_heads=1, key_rank=4, state_rank=4, difference_rank=4, experts=2
    ),
    "flat": FlatConfig(iterations=3),
}


def core_settings(kind: str, **changes: Any) -> NetworkConfig:
    """Returns a network of three steps with one core; `changes` are of the core."""
    core = TINY_CORES[kind]
    if changes:
        core = dataclasses.replace(core, **changes)
    return tiny_config(
        width=WIDTH,
        heads=HEADS,
        hidden_width=WIDTH,
        blocks=3 if kind == "golf_recurrent" else 1,
        core=core.with_tolerance(0.0),
    )


def core_of(config: NetworkConfig, step_bound: int | None = None) -> Core:
    """Returns the core in training form."""
    return CORES[config.core.kind](config, TRAINING_PRODUCTS[config.arithmetic], step_bound)


@functools.cache
def tiny_injection(seed: int = 0, width: int = WIDTH) -> Injection:
    """Returns boards of which the first has two empty slots, the last ones."""
    rng = np.random.default_rng(seed)
    bias = rng.normal(size=(BOARDS, HEADS, TOKENS, TOKENS)).astype(np.float32)
    bias[0, :, :, -2:] = MASKED
    squares = np.stack([rng.permutation(64)[:TOKENS] for _ in range(BOARDS)])
    coordinates = np.stack(np.divmod(squares, 8), axis=-1).astype(np.float32)
    tokens = rng.normal(size=(BOARDS, TOKENS, width)).astype(np.float32)
    # The first caller may be a function that is being traced; the arrays outlive that.
    with jax.ensure_compile_time_eval():
        return Injection(jnp.asarray(tokens), jnp.asarray(bias), jnp.asarray(coordinates))


@functools.cache
def core_params(config: NetworkConfig) -> Any:
    """Returns stirred parameters of a core."""
    core, key = core_of(config), jax.eval_shape(lambda: jax.random.key(0))
    return stirred(jax.eval_shape(core.init, key, tiny_injection(0, config.width))["params"])
