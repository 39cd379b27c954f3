"""Weights to start a run from, or to be taught by: another run's average, or a network that plays."""

from pathlib import Path
from typing import NamedTuple

import chex
import jax

from engine.checkpoint import is_network_folder, load_network, read_network_facts
from engine.network.int8 import dequantise
from engine.network.network_config import NetworkConfig
from training.distillation.distillation_config import RunConfig
from training.distillation.grown_weights import grown_weights
from training.distillation.learner import make_state
from training.runs.run_checkpoint import RunCheckpoints
from training.runs.run_folder import read_settings


class AveragedRun(NamedTuple):
    """What the newest checkpoint of a run holds for others."""

    config: RunConfig
    step: int  # batches seen
    params: chex.ArrayTree  # averaged weights, in training form


class StartingModel(NamedTuple):
    """A latent model to start from, if there is one."""

    params: chex.ArrayTree | None
    text: str  # says in one line what the model begins with


def starting_weights(folder: Path, config: NetworkConfig, like: chex.ArrayTree) -> chex.ArrayTree:
    """Returns weights to start from, in training form.

    Args:
      folder: as of `network_weights`.
      config: of the network that is to be trained, which may be larger.
      like: its initial weights.

    Raises:
      ValueError: the folder is neither, or its network is larger or of another kind, or has other widths of a head.
    """
    params, found = network_weights(folder), _head_widths(network_config(folder))
    # The shapes of the weights do not tell: other heads would compute something else without a word.
    if found != _head_widths(config):
        raise ValueError(
            f"expected heads as wide as those of {folder}, {found[0]} channels in attention and {found[1]} in the "
            f"policy, got {_head_widths(config)[0]} and {_head_widths(config)[1]}: a wider network has more heads"
        )
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


def starting_model(folder: Path, like: chex.ArrayTree) -> StartingModel:
    """Returns the latent model beside a network, unless its shape differs from the one wanted.

    Args:
      folder: as of `network_weights`; a run has no model to give.
      like: the initial weights of the model that is to be trained.

    Raises:
      ValueError: the folder claims to hold a network, and cannot be read.
    """
    model = load_network(folder).model if is_network_folder(folder) else None
    if model is None:
        return StartingModel(None, f"{folder} has no latent model, so this one begins from nothing")
    found, wanted = (_shapes(tree) for tree in (model.params, like))
    differing = sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name))
    if differing:
        name = differing[0]
        return StartingModel(
            None,
            f"the latent model of {folder} has another shape, {found.get(name)} and not {wanted.get(name)} in {name}, "
            "so this one begins from nothing",
        )
    return StartingModel(model.params, f"the latent model of {folder} is learned further")


def network_config(folder: Path) -> NetworkConfig:
    """Returns the settings of the network in a run's or a network's folder.

    Raises:
      ValueError: the folder is neither.
    """
    return read_network_facts(folder).config if is_network_folder(folder) else read_config(folder).network


def read_config(folder: Path) -> RunConfig:
    """Reads the settings of a distillation run.

    Raises:
      ValueError: the folder has none, or they are not valid.
    """
    return read_settings(folder, RunConfig)


def averaged_run(folder: Path) -> AveragedRun:
    """Returns the averaged weights of a run's newest checkpoint.

    Raises:
      ValueError: the run has no checkpoint, or one of other settings.
    """
    config = read_config(folder)
    checkpoints = RunCheckpoints(folder)
    state = checkpoints.restore_latest(make_state(config))
    checkpoints.close()
    if state is None:
        raise ValueError(f"expected a checkpoint in {folder}, found none")
    return AveragedRun(config, int(state.step), state.average)


def _head_widths(config: NetworkConfig) -> tuple[int, int]:
    return config.width // config.heads, config.policy_width // config.policy_heads


def _shapes(tree: chex.ArrayTree) -> dict[str, tuple[int, ...]]:
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): tuple(leaf.shape) for path, leaf in leaves}
