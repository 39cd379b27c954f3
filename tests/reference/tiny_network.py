"""Tiny networks with stirred parameters, positions to feed them, and functions that compile quickly."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np

from engine.encoding.position import POSITION_SIZE, encode_position
from engine.network.int8 import TRAINING_PRODUCTS
from engine.network.model import Network
from engine.network.network_config import NetworkConfig
from engine.network.network_presets import PRESETS
from tests.reference.random_games import varied_positions

# Tests run a program a few times only, so compiling costs more than running.
QUICK: dict[str, Any] = {"xla_backend_optimization_level": 0}


def quick_jit(function: Callable[..., Any], **options: Any) -> Any:
    """Returns `jax.jit(function)` that compiles in half the time and runs slower."""
    return jax.jit(function, compiler_options=QUICK, **options)


def tiny_config(**changes: Any) -> NetworkConfig:
    """Returns the tiny preset with some fields replaced."""
    return dataclasses.replace(PRESETS["tiny"], **changes)


def training_network(config: NetworkConfig) -> Network:
    """Returns the network in the form that is trained."""
    return Network(config, TRAINING_PRODUCTS[config.arithmetic])


@functools.cache
def param_shapes(network: Network) -> chex.ArrayTree:
    """Returns shapes and types of the parameters; nothing is computed."""
    position = jax.ShapeDtypeStruct((1, POSITION_SIZE), jnp.int8)
    return jax.eval_shape(network.init, jax.eval_shape(lambda: jax.random.key(0)), position)["params"]


def stirred(shapes: chex.ArrayTree, seed: int = 0) -> Any:
    """Returns random parameters of the given shapes: none is at its start, so no path is shut by a zero."""
    rng = np.random.default_rng(seed)

    def leaf(path: Any, shape: jax.ShapeDtypeStruct) -> jax.Array:
        name = path[-1].key
        noise = rng.normal(size=shape.shape)
        if name == "kernel":
            noise *= shape.shape[0] ** -0.5
        elif name == "values":
            noise = np.clip(np.round(noise * 40), -127, 127)
        elif name == "scale":
            noise = 1 + 0.2 * noise if len(shape.shape) == 1 else 0.01 * np.abs(noise) + 0.001
        else:
            noise *= 0.5
        return jnp.asarray(noise, shape.dtype)

    return jax.tree_util.tree_map_with_path(leaf, shapes)


@functools.cache
def positions(count: int, seed: int = 0) -> np.ndarray:
    """Returns encoded positions of random games, int8 `[count, P]`."""
    return np.stack([encode_position(board) for board in varied_positions(count, seed)])


@functools.cache
def sparse_positions() -> np.ndarray:
    """Returns four positions of random games that lie far apart, int8 `[4, P]`, so that slots are empty."""
    return positions(128)[[0, 40, 80, 127]]
