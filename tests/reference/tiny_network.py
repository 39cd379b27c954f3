"""Tiny networks with stirred parameters, positions to feed them, and functions that compile quickly."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import chess
import chex
import jax
import jax.numpy as jnp
import numpy as np

from engine.encoding.position import POSITION_SIZE, encode_position
from engine.network.int8 import TRAINING_PRODUCTS
from engine.network.model import Network, NetworkOutput, evaluate
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
    """Returns the initial position, one of a game, and two with few men, int8 `[4, P]`, so most slots are empty."""
    few = [chess.Board("8/5k2/8/3p4/8/2R5/1K6/8 b - - 0 1"), chess.Board("3qk3/8/8/8/3p1n2/8/3R4/3QK3 w - - 9 40")]
    return np.concatenate([positions(128)[[0, 100]], [encode_position(board) for board in few]])


@functools.cache
def forward(network: Network) -> Callable[[Any, np.ndarray], NetworkOutput]:
    """Returns the compiled network: (parameters, positions `[B, P]`) to outputs as NumPy arrays."""
    apply = quick_jit(lambda params, position: evaluate(network, params, position))
    return lambda params, position: jax.device_get(apply(params, position))
