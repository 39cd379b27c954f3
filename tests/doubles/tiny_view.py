"""A tiny network that plays and can be watched, with stirred parameters."""

import functools

import chess
import jax

from engine.checkpoint import LoadedNetwork, serving_network
from engine.fixed_point import SolverConfig
from engine.network.network_config import NetworkConfig
from engine.player.network_evaluator import evaluator_of
from engine.view.capture import Capture, OpenNetwork
from tests.doubles.tiny_network import param_shapes, stirred, tiny_config, tiny_deq

TINY = tiny_config(blocks=2, core=tiny_deq(solver=SolverConfig(method="picard", max_steps=3, tolerance=0.0)))


@functools.cache
def loaded_tiny(config: NetworkConfig = TINY) -> LoadedNetwork:
    """Returns the network with parameters that have no zero in them."""
    network = serving_network(config)
    return LoadedNetwork(network, stirred(param_shapes(network)), "0" * 64)


@functools.cache
def open_tiny(config: NetworkConfig = TINY) -> OpenNetwork:
    """Returns the network as the commands open it, its programs compiled quickly and not well."""
    evaluator = evaluator_of(loaded_tiny(config))
    network = OpenNetwork(evaluator, Capture(loaded_tiny(config), evaluator), {"name": "tiny", "sha256": "0" * 64})
    before = jax.config.values["jax_disable_most_optimizations"]
    jax.config.update("jax_disable_most_optimizations", True)
    try:
        network.warm_up()
        evaluator.evaluate([chess.Board()] * 2)
    finally:
        jax.config.update("jax_disable_most_optimizations", before)
    return network
