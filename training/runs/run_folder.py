"""Reads and writes the settings in a run's folder."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from engine.frozen_config import ConfigT, from_json_dict, to_json_dict
from engine.network.network_config import upgraded_settings
from training.runs.durable_files import replace_text

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

ResultT = TypeVar("ResultT")
_CONFIG = "config.json"


def write_config(folder: Path, config: "DataclassInstance") -> None:
    """Writes the settings of a run in place of the old ones."""
    replace_text(folder / _CONFIG, json.dumps(to_json_dict(config), indent=2) + "\n")


def setting_names(folder: Path) -> set[str]:
    """Returns the names of a run's settings, which tell its kind.

    Raises:
      ValueError: the folder has none, or they are not valid.
    """
    return set(_read(folder, dict))


def read_settings(folder: Path, cls: type[ConfigT]) -> ConfigT:
    """Reads the settings of a run; fields that are newer than the run get their defaults.

    Args:
      folder: of the run.
      cls: the dataclass of its settings.

    Raises:
      ValueError: the folder has none, or they are not valid.
    """
    return _read(folder, lambda data: from_json_dict(cls, data, fills_defaults=True))


def _read(folder: Path, parse: Callable[[Any], ResultT]) -> ResultT:
    path = folder / _CONFIG
    if not path.is_file():
        raise ValueError(f"expected the folder of a run with {_CONFIG}, got {folder}")
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(settings, dict) and "network" in settings:
            settings["network"] = upgraded_settings(settings["network"])
        return parse(settings)
    except (ValueError, TypeError) as error:
        raise ValueError(f"expected the settings of a run in {path}, got: {error}") from None
