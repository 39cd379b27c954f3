"""A tiny network with a latent model beside it, all of whose parameters are stirred."""

import functools

from engine.checkpoint import LoadedNetwork, model_shapes, serving_network, serving_shapes
from engine.network.latent_model.policy_improvement import ModelConfig, PlayingModel
from engine.network.network_config import NetworkConfig
from tests.doubles.tiny_network import stirred, tiny_config

# With this scale the clip bites at some moves and not at others.
MODEL = ModelConfig(width=16, heads=2, past_policies=1, clip=0.8, scale=0.5)


@functools.cache
def tiny_model(network: NetworkConfig) -> PlayingModel:
    """Returns a latent model for a network; its moves are worth from much less to much more than the position."""
    params = stirred(model_shapes(MODEL, network), seed=3)
    params["move_embedding"] *= 3
    for name in ("value_bins", "reward_classes"):
        params[name]["kernel"] *= 20
    return PlayingModel(MODEL, params)


@functools.cache
def tiny_loaded(network: NetworkConfig | None = None) -> LoadedNetwork:
    """Returns a network, the tiny one if none is given, as it is after loading, with its model."""
    config = network or tiny_config()
    params = stirred(serving_shapes(config))
    return LoadedNetwork(serving_network(config), params, "0" * 64, tiny_model(config))
