"""The options of the Universal Chess Interface: one table, and the settings it fills.

Only options that change something are declared. The types are those every program knows (check,
spin, button, string), and no name or default contains a keyword of the protocol.
"""

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from engine.uci.commands import shown
from engine.version import VERSION

ABOUT = f"RecurseZero {VERSION}, a chess engine without search"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The values of the options; a go keeps those it started with."""

    weights_folder: Path | None = None  # None: the shipped network
    threads: int = 1  # of XLA's CPU backend
    hash_mb: int = 64  # memory of the evaluation cache
    multipv: int = 1  # lines shown
    show_wdl: bool = False
    ponder: bool = False  # whether the answer expected to the move is told with it
    overhead_ms: int = 100  # kept back from the clock
    temperature: float = 0.0  # 0: the most probable move
    seed: int = -1  # of the temperature's random numbers; -1: fresh ones
    chess960: bool = False
    analyse_mode: bool = False  # whether the temperature is ignored
    opponent: str = ""
    about: str = ABOUT


class OptionError(ValueError):
    """An option or its value is not allowed; the text is one line."""


@dataclass(frozen=True, kw_only=True)
class Option:
    """A declared option and the field of `Settings` it fills (none for a button)."""

    name: str
    kind: Literal["check", "spin", "string", "button"]
    field: str | None
    meaning: str
    minimum: int = 0
    maximum: int = 0
    read_text: Callable[[str], Any] = str  # for a string: from its text, "" when empty

    def declaration(self, settings: Settings) -> str:
        """Returns the line that declares the option, its default taken from the settings."""
        line = f"option name {self.name} type {self.kind}"
        if self.field is None:
            return line
        default = _write_value(getattr(settings, self.field))
        limits = f" min {self.minimum} max {self.maximum}" if self.kind == "spin" else ""
        return f"{line} default {default}{limits}"

    def read(self, text: str) -> Any:
        """Returns the value that a text means for this option; a spin is clamped to its range.

        Raises:
          OptionError: the text is no such value.
        """
        if self.kind == "check":
            if text.lower() not in ("true", "false"):
                raise OptionError(f"expected true or false for {self.name}, got {shown(text)}")
            return text.lower() == "true"
        if self.kind == "spin":
            return min(max(self._read_int(text), self.minimum), self.maximum)
        return self.read_text("" if text == "<empty>" else text)

    def _read_int(self, text: str) -> int:
        try:
            return int(text)
        except ValueError as error:
            raise OptionError(
                f"expected an integer for {self.name}, got {shown(text)} (allowed: {self.minimum}..{self.maximum})"
            ) from error


def _read_temperature(text: str) -> float:
    try:
        temperature = float(text)
    except ValueError:
        temperature = math.nan
    if not 0.0 <= temperature <= 100.0:
        raise OptionError(f"expected a number for Temperature, got {shown(text)} (allowed: 0..100)")
    return temperature


def _read_folder(text: str) -> Path | None:
    if "\0" in text:
        raise OptionError(f"expected a folder for WeightsFile, got {shown(text)}")
    return Path(text).expanduser() if text else None


def _ignore_text(_text: str) -> str:
    return ABOUT


def _write_value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    return "<empty>" if value in (None, "") else str(value)


def _check(name: str, field: str, meaning: str) -> Option:
    return Option(name=name, kind="check", field=field, meaning=meaning)


def _spin(name: str, field: str, limits: tuple[int, int], meaning: str) -> Option:
    low, high = limits
    return Option(name=name, kind="spin", field=field, minimum=low, maximum=high, meaning=meaning)


def _string(name: str, field: str, meaning: str, read_text: Callable[[str], Any]) -> Option:
    return Option(name=name, kind="string", field=field, meaning=meaning, read_text=read_text)


OPTIONS = (
    _spin("Hash", "hash_mb", (1, 65536), "memory of the evaluation cache in MiB"),
    Option(name="Clear Hash", kind="button", field=None, meaning="empties the evaluation cache"),
    _spin("Threads", "threads", (1, 512), "CPU threads; takes effect before the network is loaded"),
    _check("Ponder", "ponder", "tell the expected answer, at the cost of one more evaluation"),
    _spin("MultiPV", "multipv", (1, 500), "moves shown, each with a score of its own"),
    _spin("Move Overhead", "overhead_ms", (0, 10000), "time kept back from the clock in ms"),
    _check("UCI_Chess960", "chess960", "castling is written king takes rook"),
    _check("UCI_AnalyseMode", "analyse_mode", "ignore the temperature"),
    _check("UCI_ShowWDL", "show_wdl", "show win, draw and loss in permille"),
    _string("UCI_Opponent", "opponent", "who plays; shown by d", str),
    _string("UCI_EngineAbout", "about", "what this is; cannot be changed", _ignore_text),
    _string("WeightsFile", "weights_folder", "folder of the network; empty: shipped", _read_folder),
    _string("Temperature", "temperature", "0: best move; 1: drawn from policy", _read_temperature),
    _spin("Seed", "seed", (-1, 2**31 - 1), "of the temperature's draws; -1: fresh ones"),
)
_BY_NAME = {option.name.lower(): option for option in OPTIONS}


def find_option(name: str) -> Option:
    """Returns the option with this name, in any case.

    Raises:
      OptionError: there is none.
    """
    option = _BY_NAME.get(name.lower())
    if option is None:
        names = ", ".join(option.name for option in OPTIONS)
        raise OptionError(f"expected the name of an option, got {shown(name)} (allowed: {names})")
    return option


def with_option(settings: Settings, option: Option, text: str) -> Settings:
    """Returns the settings after the option was given a text; unchanged for a button.

    Raises:
      OptionError: the text is no value of the option.
    """
    if option.field is None:
        return settings
    return dataclasses.replace(settings, **{option.field: option.read(text)})
