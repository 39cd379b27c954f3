"""What a figure has to say about the engine it was measured with, so that it can be repeated."""

import hashlib
import json
import shlex
import shutil
from pathlib import Path
from typing import Any

from engine.version import VERSION
from training.evaluation.engines.engine_spec import EngineSpec
from training.evaluation.engines.evaluation_error import EvaluationError


def describe_engine(spec: EngineSpec) -> dict[str, Any]:
    """Returns command, protocol, options, limits, and digests of what plays.

    The project's own engine is known by its version and the sha256 of its weights, another one by
    the sha256 of its program file (null where the file cannot be read).

    Raises:
      EvaluationError: the weights folder is not one.
    """
    described: dict[str, Any] = {
        "command": shlex.join(spec.command),
        "protocol": spec.protocol,
        "options": dict(spec.options),
        "limit": str(spec.limit),
        "margin_ms": spec.margin_ms,
        "stall_s": spec.stall_s,
    }
    if spec.weights_folder is None:
        return {**described, "program_sha256": _program_digest(spec.command[0])}
    return {**described, "version": VERSION, "weights_sha256": weights_digest(spec.weights_folder)}


def weights_digest(folder: Path) -> str:
    """Returns the sha256 of a network's weights, as its folder states it.

    Raises:
      EvaluationError: the folder has no readable `network.json`, or that states none.
    """
    try:
        return str(json.loads((folder / "network.json").read_text(encoding="utf-8"))["sha256"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EvaluationError(f"expected a folder of weights with network.json, got {folder}: {error}") from error


def _program_digest(program: str) -> str | None:
    found = shutil.which(program)
    if found is None:
        return None
    try:
        with open(found, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
