"""A finished measurement, for people and as a JSON file."""

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from training.evaluation.engines.evaluation_error import EvaluationError


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """A finished measurement, for people and for JSON.

    Attributes:
      engine: what was measured: name, command, options, limit of a move; or the weights folder.
      settings: inputs and settings of the measurement.
      n: number of positions, puzzles or games.
      figures: nested figures with their errors.
      lines: the same as text.
    """

    engine: dict[str, Any]
    settings: dict[str, Any]
    n: int
    figures: dict[str, Any]
    lines: list[str]


def check_json_path(path: Path) -> None:
    """Refuses a place that cannot be written, before hours are spent on the measurement.

    Raises:
      EvaluationError: its folder does not exist, or it is itself a folder.
    """
    if not path.parent.is_dir() or path.is_dir():
        raise EvaluationError(f"expected a file in an existing folder for --json, got {path}")


def write_json(path: Path, measure: str, command: str, measurement: Measurement) -> None:
    """Writes a measurement; an unbounded Elo becomes null, which JSON can hold.

    Args:
      path: overwritten.
      measure: name of the measurement.
      command: the command line that made it.
      measurement: its figures.

    Raises:
      EvaluationError: the file cannot be written.
    """
    content = {
        "measure": measure,
        "command": command,
        "finished_utc": datetime.now(UTC).isoformat(timespec="seconds"),
        "engine": measurement.engine,
        "settings": measurement.settings,
        "n": measurement.n,
        "figures": _finite(measurement.figures),
    }
    try:
        path.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise EvaluationError(f"expected a writable file for --json, got {path}: {error.strerror}") from error


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(element) for key, element in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(element) for element in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
