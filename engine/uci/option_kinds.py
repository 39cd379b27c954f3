"""An option of the Universal Chess Interface: its declaration, and how a text becomes its value.

The kinds are those of the protocol: check, spin, combo, string and button. UCI has no numbers with a fraction, so those
are strings that `number` reads. The functions at the end make one field of `options.Settings` each.
"""

import dataclasses
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from engine.uci.commands import shown

# When a new value takes effect:
#   next go: it is read by the next `go`, `position` or `d`.
#   player: the worker thread applies it at once, so that a refusal is reported at once.
#   network: the network may have to be loaded again, which the next `isready`, `position` or `go` begins.
#   random numbers: they start again from the seed.
#   log: the next line goes to another file.
Effect = Literal["next go", "player", "network", "random numbers", "log"]


class OptionError(ValueError):
    """An option or its value is not allowed; the text is one line."""


class UnknownOptionError(OptionError):
    """There is no option of this name."""


@dataclass(frozen=True, kw_only=True)
class Option:
    """A declared option.

    Attributes:
      name: as chess programs show it.
      kind: one of UCI's types.
      default: the value before anything is set.
      meaning: for the documentation.
      effect: when a new value takes effect.
      minimum: of a spin.
      maximum: of a spin.
      choices: of a combo, none with a space.
      allowed: the values of a string in words, for the documentation.
      read_text: turns the text of a string, "" when empty, into its value.
      field: the attribute of `Settings` that holds the value; the number of presses for a button.
    """

    name: str
    kind: Literal["check", "spin", "combo", "string", "button"]
    default: Any
    meaning: str
    effect: Effect = "next go"
    minimum: int = 0
    maximum: int = 0
    choices: tuple[str, ...] = ()
    allowed: str = ""
    read_text: Callable[[str], Any] = str
    field: str = ""

    def declaration(self, default: Any) -> str:
        """Returns the line that declares the option with this default."""
        line = f"option name {self.name} type {self.kind}"
        if self.kind == "button":
            return line
        limits = f" min {self.minimum} max {self.maximum}" if self.kind == "spin" else ""
        choices = "".join(f" var {choice}" for choice in self.choices)
        return f"{line} default {written(default)}{limits}{choices}"

    def read(self, text: str) -> tuple[Any, str]:
        """Returns the value that a text means for this option, and a problem if it was out of range, or "".

        A number out of a spin's range becomes the nearest one in it.

        Raises:
          OptionError: the text is no value of the option.
        """
        if self.kind == "check":
            if text.lower() not in ("true", "false"):
                raise OptionError(f"expected true or false for {self.name}, got {shown(text)}")
            return text.lower() == "true", ""
        if self.kind == "spin":
            return self._read_spin(text)
        if self.kind == "combo":
            return self._read_choice(text), ""
        return self.read_text("" if text == "<empty>" else text), ""

    def _read_spin(self, text: str) -> tuple[int, str]:
        expected = f"expected an integer for {self.name}, got {shown(text)} (allowed: {self.minimum} to {self.maximum})"
        try:
            number = int(text)
        except ValueError as error:
            raise OptionError(expected) from error
        nearest = min(max(number, self.minimum), self.maximum)
        return nearest, "" if nearest == number else f"{expected}; {nearest} is used"

    def _read_choice(self, text: str) -> str:
        for choice in self.choices:
            if choice.lower() == text.lower():
                return choice
        allowed = ", ".join(self.choices)
        raise OptionError(f"expected a choice for {self.name}, got {shown(text)} (allowed: {allowed})")


def written(value: object) -> str:
    """Returns a value as a declaration writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    return "<empty>" if value in (None, "") else str(value)


def check(name: str, default: bool, meaning: str) -> Any:
    """Declares a switch."""
    return _field(Option(name=name, kind="check", default=default, meaning=meaning))


def spin(name: str, default: int, minimum: int, maximum: int, meaning: str, effect: Effect = "next go") -> Any:
    """Declares an integer within limits."""
    option = Option(
        name=name, kind="spin", default=default, meaning=meaning, effect=effect, minimum=minimum, maximum=maximum
    )
    return _field(option)


def combo(name: str, choices: tuple[str, ...], meaning: str, effect: Effect = "next go") -> Any:
    """Declares a choice; the first one is the default."""
    return _field(Option(name=name, kind="combo", default=choices[0], meaning=meaning, effect=effect, choices=choices))


def button(name: str, meaning: str, effect: Effect) -> Any:
    """Declares a button."""
    return _field(Option(name=name, kind="button", default=0, meaning=meaning, effect=effect))


def text(name: str, default: str, meaning: str, read_text: Callable[[str], str], allowed: str) -> Any:
    """Declares a text that the next go reads."""
    return _field(
        Option(name=name, kind="string", default=default, meaning=meaning, allowed=allowed, read_text=read_text)
    )


def paths(name: str, meaning: str, effect: Effect) -> Any:
    """Declares a list of paths, separated as the system separates them; its value is the text."""

    def read(value: str) -> str:
        _refuse_zero_bytes(name, value)
        return value

    return _field(
        Option(name=name, kind="string", default="", meaning=meaning, effect=effect, allowed="paths", read_text=read)
    )


def number(name: str, default: float, high: float, meaning: str, effect: Effect = "next go") -> Any:
    """Declares a number from 0 to less than `high`, written as 0.6, 0,6 or 60%."""

    def read(value: str) -> float:
        percent = value.endswith("%")
        try:
            parsed = float(value.removesuffix("%").replace(",", ".") or "0") / (100.0 if percent else 1.0)
        except ValueError:
            parsed = math.nan
        if not 0.0 <= parsed < high:
            raise OptionError(f"expected a number for {name}, got {shown(value)} (allowed: {allowed})")
        return parsed

    allowed = f"0 to less than {high:g}"
    option = Option(
        name=name, kind="string", default=default, meaning=meaning, effect=effect, allowed=allowed, read_text=read
    )
    return _field(option)


def path(name: str, meaning: str, effect: Effect, means_default: str = "", is_folder: bool = False) -> Any:
    """Declares a path that may be empty.

    Args:
      name: of the option.
      meaning: for the documentation.
      effect: when a new path takes effect.
      means_default: another word for an empty path.
      is_folder: whether a file named stands for its folder, since dialogues for files offer no folders.
    """

    def read(value: str) -> Path | None:
        _refuse_zero_bytes(name, value)
        if value in ("", means_default):
            return None
        place = Path(os.path.expanduser(value))  # unlike Path's own, keeps the `~` of an unknown user as it is
        return place.parent if is_folder and place.is_file() else place

    option = Option(
        name=name, kind="string", default=None, meaning=meaning, effect=effect, allowed="a path", read_text=read
    )
    return _field(option)


def _refuse_zero_bytes(name: str, value: str) -> None:
    if "\0" in value:
        raise OptionError(f"expected a path for {name}, got {shown(value)}")


def _field(option: Option) -> Any:
    return dataclasses.field(default=option.default, metadata={"option": option})
