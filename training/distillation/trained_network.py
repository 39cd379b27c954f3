"""Reads the network that a run has trained, for export, further runs and teachers."""

import dataclasses
import json
from pathlib import Path
from typing import NamedTuple

import chex

from engine.checkpoint import is_network_folder, load_network, read_network_facts
from engine.network.cores.core_configs import DeqConfig
from engine.network.int8 import dequantise
from engine.network.latent_model.policy_improvement import PlayingModel
from engine.network.network_config import NetworkConfig
from training.distillation.distillation_config import RunConfig
from training.distillation.learner import make_state
from training.runs.run_checkpoint import RunCheckpoints
from training.runs.run_folder import read_settings


class TrainedNetwork(NamedTuple):
    """The network in the newest checkpoint of a run."""

    config: NetworkConfig
    params: chex.ArrayTree  # in training form
    step: int  # steps or iterations made
    facts: dict[str, object]  # how it was trained, for its card
    model: PlayingModel | None = None


def network_weights(folder: Path) -> chex.ArrayTree:
    """Returns the weights in a run's or a network's folder, in training form and without an exit.

    Args:
      folder: of a run, whose newest averaged weights are taken, or of a network, whose int8 kernels are taken
        as they are.

    Raises:
      ValueError: the folder is neither.
    """
    if not is_network_folder(folder):
        return averaged_run(folder).params
    params = dequantise(load_network(folder).params)
    return {**params, "core": {name: part for name, part in params["core"].items() if name != "exit"}}


def network_config(folder: Path) -> NetworkConfig:
    """Returns the settings of the network in a run's or a network's folder, without an exit.

    Raises:
      ValueError: the folder is neither.
    """
    if not is_network_folder(folder):
        return read_config(folder).network
    config = read_network_facts(folder).config
    if not isinstance(config.core, DeqConfig):
        return config
    return dataclasses.replace(config, core=dataclasses.replace(config.core, exit=None))


def read_config(folder: Path) -> RunConfig:
    """Reads the settings of a distillation run.

    Raises:
      ValueError: the folder has none, or they are not valid.
    """
    return read_settings(folder, RunConfig)


def averaged_run(folder: Path) -> TrainedNetwork:
    """Returns the averaged weights in the newest checkpoint of a distillation run.

    Raises:
      ValueError: the run has no checkpoint, or one of other settings.
    """
    config = read_config(folder)
    checkpoints = RunCheckpoints(folder)
    state = checkpoints.restore_latest(make_state(config))
    checkpoints.close()
    if state is None:
        raise ValueError(f"expected a checkpoint in {folder}, found none")
    return TrainedNetwork(config.network, state.average, int(state.step), _facts(config))


def _facts(config: RunConfig) -> dict[str, object]:
    named = ("seed", "mirror", "reverse_share")
    settings = {"optimizer": dataclasses.asdict(config.optimizer), **{name: getattr(config, name) for name in named}}
    sources = [f"{'/'.join(Path(source.folder).parts[-2:])} x {source.weight:g}" for source in config.sources]
    if config.teacher.folder:
        sources.append(f"policy of {Path(config.teacher.folder).name} x {config.teacher.share:g} of each target")
    return {"data": ", ".join(sources), "batch": config.batch_size, "run": json.dumps(settings)}
