"""A run's folder: its settings, its checkpoints, its figures."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import chex

from engine.frozen_config import ConfigT, from_json_dict, to_json_dict
from training.learner import make_state
from training.run_checkpoint import RunCheckpoints
from training.run_config import RunConfig

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_CONFIG = "config.json"


class AveragedRun(NamedTuple):
    """What the newest checkpoint of a run holds for others."""

    config: RunConfig
    step: int  # batches seen
    params: chex.ArrayTree  # averaged weights, in training form


def write_config(folder: Path, config: "DataclassInstance") -> None:
    """Writes the settings of a run; the old ones stay whole until the new ones are."""
    partial = folder / f".{_CONFIG}.partial"
    partial.write_text(json.dumps(to_json_dict(config), indent=2) + "\n")
    os.replace(partial, folder / _CONFIG)


def read_config(folder: Path) -> RunConfig:
    """Reads the settings of a distillation run.

    Raises:
      ValueError: the folder has none, or they are not valid.
    """
    return read_settings(folder, RunConfig)


def is_self_play(folder: Path) -> bool:
    """Returns whether a folder holds the settings of self-play, which name a game."""
    path = folder / _CONFIG
    try:
        settings = json.loads(path.read_text()) if path.is_file() else None
    except ValueError:
        return False  # whoever reads them says what is wrong
    return isinstance(settings, dict) and "game" in settings


def read_settings(folder: Path, cls: type[ConfigT]) -> ConfigT:
    """Reads the settings of a run.

    Args:
      folder: of the run.
      cls: the dataclass of its settings.

    Raises:
      ValueError: the folder has none, or they are not valid.
    """
    path = folder / _CONFIG
    if not path.is_file():
        raise ValueError(f"expected the folder of a run with {_CONFIG}, got {folder}")
    try:
        return from_json_dict(cls, json.loads(path.read_text()))
    except ValueError as error:
        raise ValueError(f"expected the settings of a run in {path}, got: {error}") from None


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
