"""Options: numbers, the fields of a config, presets and settings that are listed."""

import argparse
import dataclasses
from typing import Literal

import pytest

from engine.command_options import (
    CommandParser,
    add_example,
    add_fields,
    add_preset,
    add_settings,
    config_from,
    port_number,
    positive_number,
    positive_whole,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Walk:
    """Settings of a walk."""

    steps: int
    speed: float = 1.0
    pause: int | None = None
    mood: Literal["brisk", "idle"] = "idle"
    seen: tuple[str, ...] = ()


def walk_parser() -> CommandParser:
    parser = CommandParser("recursezero walk", "Walk.")
    add_fields(parser, Walk, {"steps": "how many", "speed": "in m/s", "pause": "after so many", "mood": "of it"})
    add_preset(parser, "short", lambda: {"short": "a few steps", "long": "many"}, "the walk")
    add_settings(parser, lambda arguments: Walk(steps=1 if arguments.preset == "short" else 99), "the walk")
    return parser


def test_the_usage_names_the_choices_of_what_must_be_given() -> None:
    parser = CommandParser("recursezero walk", "Walk.")
    parser.add_argument("--mood", dest="kind", required=True, choices=("brisk", "idle"))
    assert parser.format_help().startswith("usage: recursezero walk --mood {brisk,idle} [OPTION ...]\n")


def test_options_are_made_from_the_fields_of_a_config() -> None:
    arguments = walk_parser().parse_args(["--steps", "3", "--speed", "2"])
    assert config_from(arguments, Walk) == Walk(steps=3, speed=2.0)
    assert config_from(arguments, Walk, steps=4, seen=("a",)) == Walk(steps=4, speed=2.0, seen=("a",))
    text = " ".join(walk_parser().format_help().split())
    assert "usage: recursezero walk --steps N [OPTION ...]" in text
    assert "--speed X in m/s (default: 1)" in text and "--pause N after so many --mood" in text
    assert "--mood {brisk,idle} of it (default: idle)" in text and "how many --speed" in text


def test_a_value_help_lists_what_is_allowed(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--preset", "help"], ["--set", "help"], ["--preset", "long", "--set", "help"]):
        with pytest.raises(SystemExit, match="0"):  # whatever else is required
            walk_parser().parse_args(arguments)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["short  a few steps", "long   many"]
    assert lines[2].split()[0] == "steps=1" and any(line.split()[0] == "steps=99" for line in lines[3:])
    given = walk_parser().parse_args(["--steps", "3", "--set", "a=1", "--set", "b=2"])
    assert given.set == ["a=1", "b=2"] and walk_parser().parse_args(["--steps", "3"]).set == []


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "expected --steps, got none"),
        (["--steps", "x"], "expected a whole number of at least 0 for --steps, got 'x'"),
        (["--steps", "3", "--speed", "nan"], "expected a number for --speed, got 'nan'"),
        (["--steps", "3", "--mood", "sad"], "expected a choice for --mood, got 'sad' (allowed: brisk, idle)"),
    ],
)
def test_mistakes_have_one_form(arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        walk_parser().parse_args(arguments)
    assert capsys.readouterr().err == f"recursezero walk: {line}\n"


def test_only_one_of_two_options_that_exclude_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    parser = CommandParser("recursezero walk")
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--left", action="store_true")
    group.add_argument("--right", action="store_true")
    with pytest.raises(SystemExit):
        parser.parse_args(["--left", "--right"])
    assert capsys.readouterr().err == "recursezero walk: expected only one of --left and --right, got both\n"


def test_an_example_ends_the_help() -> None:
    parser = CommandParser("recursezero walk", "Walk.")
    add_example(parser, "recursezero walk", "--far")
    assert parser.format_help().endswith("\nexample:\n  recursezero walk \\\n      --far\n")


@pytest.mark.parametrize("text", ["-1", "65536", "http", ""])
def test_what_is_no_port_is_refused(text: str) -> None:
    assert port_number("0") == 0 and port_number("65535") == 65535
    with pytest.raises(argparse.ArgumentTypeError, match="^expected a port from 0 to 65535, got '"):
        port_number(text)


def test_numbers_have_bounds() -> None:
    assert positive_whole("1") == 1 and positive_number("0.5") == 0.5
    for read, text in (
        (positive_whole, "0"),
        (positive_whole, "1.5"),
        (positive_number, "0"),
        (positive_number, "inf"),
    ):
        with pytest.raises(argparse.ArgumentTypeError, match="^expected a .*number.*, got "):
            read(text)
