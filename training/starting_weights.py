"""Weights to start a run from, or to be taught by: another run's average, or a network that plays."""

from pathlib import Path

import chex

from engine.checkpoint import is_network_folder, load_network, read_network_facts
from engine.network.int8 import dequantise
from engine.network.network_config import NetworkConfig
from training.grown_weights import grown_weights
from training.run_folder import averaged_run, read_config


def starting_weights(folder: Path, like: chex.ArrayTree) -> chex.ArrayTree:
    """Returns weights to start from, in training form.

    Args:
      folder: as of `network_weights`.
      like: initial weights of the network that is to be trained, which may be larger.

    Raises:
      ValueError: the folder is neither, or its network is larger or of another kind.
    """
    params = network_weights(folder)
    try:
        return grown_weights(params, like)
    except ValueError as error:
        raise ValueError(f"expected weights of a network no larger to start from, got {folder}: {error}") from None


def network_weights(folder: Path) -> chex.ArrayTree:
    """Returns the weights in a run's or a network's folder, in training form.

    Args:
      folder: of a run, whose newest averaged weights are taken, or of a network, whose int8 kernels are taken
        as they are.

    Raises:
      ValueError: the folder is neither.
    """
    return dequantise(load_network(folder).params) if is_network_folder(folder) else averaged_run(folder).params


def network_config(folder: Path) -> NetworkConfig:
    """Returns the settings of the network in a run's or a network's folder.

    Raises:
      ValueError: the folder is neither.
    """
    return read_network_facts(folder).config if is_network_folder(folder) else read_config(folder).network
