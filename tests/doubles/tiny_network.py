"""Tiny networks with stirred parameters, positions to feed them, and functions that compile quickly."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import chess
import chex
import jax
import jax.numpy as jnp
import numpy as np

from engine.encoding.position import POSITION_SIZE, encode_position
from engine.fixed_point import ImplicitGradient, SolverConfig, UnrolledGradient
from engine.network.cores.core_configs import DeqConfig
from engine.network.int8 import TRAINING_PRODUCTS
from engine.network.model import Network, NetworkOutput, evaluate
from engine.network.network_config import NetworkConfig
from engine.network.network_presets import PRESETS
from tests.reference.random_games import varied_positions


def tiny_config(**changes: Any) -> NetworkConfig:
    """Returns the tiny preset with some fields replaced."""
    return dataclasses.replace(PRESETS["tiny"], **changes)


def tiny_deq(**changes: Any) -> DeqConfig:
    """Returns the equilibrium core of the tiny preset with some fields replaced."""
    core = PRESETS["tiny"].core
    assert isinstance(core, DeqConfig)
    return dataclasses.replace(core, **changes)


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
            noise *= shape.shape[-2] ** -0.5 if noise.ndim > 1 else 0.5
        elif name == "values":
            noise = np.clip(np.round(noise * 40), -127, 127)
        elif name == "scale":
            # An int8 kernel has one scale a column, `[..., 1, out]`; the others are those of norms.
            is_of_kernel = noise.ndim > 1 and shape.shape[-2] == 1
            noise = 0.01 * np.abs(noise) + 0.001 if is_of_kernel else 1 + 0.2 * noise
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
    """Returns the initial position, one of a game, and two with few pieces, int8 `[4, P]`, so most slots are empty."""
    few = [chess.Board("8/5k2/8/3p4/8/2R5/1K6/8 b - - 0 1"), chess.Board("3qk3/8/8/8/3p1n2/8/3R4/3QK3 w - - 9 40")]
    return np.concatenate([positions(128)[[0, 100]], [encode_position(board) for board in few]])


class Program(NamedTuple):
    """A function as it is handed to XLA and as it comes back."""

    lowered: jax.stages.Lowered
    compiled: jax.stages.Compiled


@functools.cache
def forward_program(network: Network, batch: int) -> Program:
    """Compiles the network for a batch: (parameters, positions `[B, P]`) to outputs."""
    lowered = jax.jit(lambda params, position: evaluate(network, params, position)).lower(
        param_shapes(network), jax.ShapeDtypeStruct((batch, POSITION_SIZE), jnp.int8)
    )
    return Program(lowered, lowered.compile())


def forward(network: Network) -> Callable[[Any, np.ndarray], NetworkOutput]:
    """Returns the network as a function of parameters and positions `[B, P]`, with outputs as NumPy arrays."""
    return lambda params, position: jax.device_get(forward_program(network, len(position)).compiled(params, position))


def loss_of(network: Network, params: chex.ArrayTree, position: jax.Array) -> jax.Array:
    """Returns a scalar that hears every output of the network, and nothing symmetric about them."""
    output = evaluate(network, params, position)
    total = jnp.float32(0)
    for logits in (output.policy_logits, output.wdl_logits, output.score_logits):
        weights = jnp.sin(jnp.arange(logits.shape[1], dtype=jnp.float32))[None]
        total += jnp.sum(jax.nn.log_softmax(logits) * weights) / logits.size
    return total


@functools.cache
def gradient_program(network: Network, batch: int) -> Program:
    """Compiles (parameters, positions `[B, P]`) to the loss and its gradient."""
    lowered = jax.jit(jax.value_and_grad(functools.partial(loss_of, network))).lower(
        param_shapes(network), jax.ShapeDtypeStruct((batch, POSITION_SIZE), jnp.int8)
    )
    return Program(lowered, lowered.compile())


def trained_variants() -> dict[str, NetworkConfig]:
    """Returns configurations that together use every token set, gate, arithmetic, solver and gradient."""
    return {
        "pieces, channel gate, float32, Anderson, phantom": tiny_config(),
        "squares, dense gate, bfloat16, Picard, implicit": tiny_config(
            tokens="squares",
            gate="dense",
            arithmetic="bfloat16",
            core=DeqConfig(
                solver=SolverConfig(method="picard", max_steps=4),
                gradient=ImplicitGradient(backward=SolverConfig(max_steps=4)),
            ),
        ),
        "pieces, no gate, int8, Broyden, unrolled": tiny_config(
            gate="none",
            arithmetic="int8",
            core=DeqConfig(solver=SolverConfig(method="broyden", max_steps=4), gradient=UnrolledGradient(steps=3)),
        ),
    }
