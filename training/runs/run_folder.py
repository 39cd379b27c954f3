"""The settings in a run's folder."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from engine.frozen_config import ConfigT, from_json_dict, to_json_dict
from training.runs.durable_files import replace_text

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_CONFIG = "config.json"


def write_config(folder: Path, config: "DataclassInstance") -> None:
    """Writes the settings of a run; until they are complete, the old ones stay."""
    replace_text(folder / _CONFIG, json.dumps(to_json_dict(config), indent=2) + "\n")


def is_self_play(folder: Path) -> bool:
    """Returns whether a folder holds the settings of self-play, which name a game."""
    path = folder / _CONFIG
    try:
        settings = json.loads(path.read_text()) if path.is_file() else None
    except ValueError:
        return False  # whoever reads them says what is wrong
    return isinstance(settings, dict) and "game" in settings


def read_settings(folder: Path, cls: type[ConfigT]) -> ConfigT:
    """Reads the settings of a run; fields that are newer than the run get their defaults.

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
        return from_json_dict(cls, json.loads(path.read_text()), fills_defaults=True)
    except ValueError as error:
        raise ValueError(f"expected the settings of a run in {path}, got: {error}") from None
