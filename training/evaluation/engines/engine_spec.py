"""Specifies an engine (command, protocol, options, limit for each move) and identifies it in reports."""

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from engine.engine_command import join_words, split_words
from engine.version import VERSION
from training.evaluation.engines.time_control import MoveLimit
from training.evaluation.failures import EvaluationError

# Debian and Ubuntu install games here, outside the PATH of many accounts.
_GAMES = "/usr/games"

EngineProtocol = Literal["uci", "xboard"]


@dataclass(frozen=True, kw_only=True)
class EngineSpec:
    """Specifies an engine for a measurement.

    Attributes:
      command: program and arguments.
      options: UCI or xboard options by name, as text.
      limit: what each move may cost.
      protocol: which the program speaks.
      name: shown in reports and PGN; None for what the engine calls itself.
      weights_folder: of the network, if this is the project's own engine.
      margin_ms: an answer later than its time by more than this loses.
      stall_s: seconds beyond its time after which an answer is no longer awaited.
      chess960: whether it has to play Chess960.
    """

    command: tuple[str, ...]
    options: Mapping[str, str]
    limit: MoveLimit
    protocol: EngineProtocol = "uci"
    name: str | None = None
    weights_folder: Path | None = None
    margin_ms: int = 100
    stall_s: float = 60.0
    chess960: bool = False


def stockfish_command() -> tuple[str, ...]:
    """Returns the command of the Stockfish on PATH or in Debian's folder of games.

    Raises:
      EvaluationError: there is none.
    """
    found = _find_program("stockfish")
    if found is None:
        raise EvaluationError(f"expected stockfish on PATH or in {_GAMES}, got none (install it, or name its command)")
    return (found,)


def split_command(text: str) -> tuple[str, ...]:
    """Splits a command as a shell would, and looks for its program on PATH and in Debian's folder of games.

    Raises:
      EvaluationError: a quote is open, or there is no word.
    """
    try:
        words = split_words(text)
    except ValueError as error:
        raise EvaluationError(f"expected an engine command, got {text!r}: {error}") from error
    if not words:
        raise EvaluationError("expected an engine command, got an empty one")
    found = None if shutil.which(words[0]) else _find_program(words[0])
    return (found or words[0], *words[1:])


def parse_options(settings: Sequence[str]) -> dict[str, str]:
    """Reads engine options written `Name=Value`; later ones win.

    Raises:
      EvaluationError: a setting has no name or no equals sign.
    """
    options = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not name.strip() or not equals:
            raise EvaluationError(f"expected an engine option as Name=Value, got {setting!r}")
        options[name.strip()] = value.strip()
    return options


def describe_engine(spec: EngineSpec) -> dict[str, Any]:
    """Returns command, protocol, options, limits and digests, so that a figure can be reproduced.

    The project's own engine is identified by its version and the sha256 of its weights, any other by the sha256 of its
    program file (null where the file cannot be read).

    Raises:
      EvaluationError: the weights folder is not one.
    """
    described: dict[str, Any] = {
        "command": join_words(spec.command),
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


def _find_program(name: str) -> str | None:
    return shutil.which(name) or (shutil.which(name, path=_GAMES) if name == Path(name).name else None)


def _program_digest(program: str) -> str | None:
    found = shutil.which(program)
    if found is None:
        return None
    try:
        with open(found, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
