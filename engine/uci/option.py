"""One option of the Universal Chess Interface: how it is declared and how its text is read.

The types are those every program knows: check, spin, combo, button, string.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from engine.uci.commands import shown
from engine.uci.settings import Settings


class OptionError(ValueError):
    """An option or its value is not allowed; the text is one line."""


class UnknownOptionError(OptionError):
    """There is no option of this name."""


@dataclass(frozen=True, kw_only=True)
class Option:
    """A declared option and the field of `Settings` it fills (none for a button)."""

    name: str
    kind: Literal["check", "spin", "combo", "string", "button"]
    field: str | None
    meaning: str
    minimum: int = 0
    maximum: int = 0
    choices: tuple[str, ...] = ()  # of a combo, none with a space
    read_text: Callable[[str], Any] = str  # for a string: from its text, "" when empty

    def declaration(self, settings: Settings) -> str:
        """Returns the line that declares the option, its default taken from the settings."""
        line = f"option name {self.name} type {self.kind}"
        if self.field is None:
            return line
        default = written(getattr(settings, self.field))
        limits = f" min {self.minimum} max {self.maximum}" if self.kind == "spin" else ""
        choices = "".join(f" var {choice}" for choice in self.choices)
        return f"{line} default {default}{limits}{choices}"

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
        if self.kind == "combo":
            return self._read_choice(text)
        return self.read_text("" if text == "<empty>" else text)

    def _read_int(self, text: str) -> int:
        try:
            return int(text)
        except ValueError as error:
            raise OptionError(
                f"expected an integer for {self.name}, got {shown(text)} (allowed: {self.minimum}..{self.maximum})"
            ) from error

    def _read_choice(self, text: str) -> str:
        for choice in self.choices:
            if choice.lower() == text.lower():
                return choice
        allowed = ", ".join(self.choices)
        raise OptionError(f"expected a choice for {self.name}, got {shown(text)} (allowed: {allowed})")


def with_option(settings: Settings, option: Option, text: str) -> Settings:
    """Returns the settings after the option was given a text; unchanged for a button.

    Raises:
      OptionError: the text is no value of the option.
    """
    if option.field is None:
        return settings
    return dataclasses.replace(settings, **{option.field: option.read(text)})


def written(value: object) -> str:
    """Returns a setting's value as its default is declared."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    return "<empty>" if value in (None, "") else str(value)
