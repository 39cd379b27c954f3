"""Options that commands share: their parser, what an option accepts, and options made from the fields of a config."""

import argparse
import dataclasses
import math
import re
import types
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeVar, Union, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

ConfigT = TypeVar("ConfigT", bound="DataclassInstance")

# What argparse says of a mistake → what this program says.
_MESSAGES = (
    (r"the following arguments are required: (.*)", r"expected \1, got none"),
    (r"unrecognized arguments: (.*)", r"expected options that --help lists, got \1"),
    (r"argument (\S+): invalid choice: (.*) \(choose from (.*)\)", r"expected a choice for \1, got \2 (allowed: \3)"),
    (r"argument (\S+): not allowed with argument (.*)", r"expected only one of \2 and \1, got both"),
    (r"argument (\S+): expected (.*), got (.*)", r"expected \2 for \1, got \3"),
    (r"argument (\S+): expected (?:one|at least one) argument", r"expected a value for \1, got none"),
    (r"argument (\S+): expected (.*)", r"expected \2 for \1, got another number of them"),
)


class CommandParser(argparse.ArgumentParser):
    """Parses the arguments of a command; a mistake is one line.

    Args:
      prog: the command, as a person writes it.
      description: one sentence.
      more: other arguments of `argparse.ArgumentParser`.
    """

    def __init__(self, prog: str, description: str | None = None, **more: Any) -> None:
        super().__init__(prog, description=description, formatter_class=argparse.RawDescriptionHelpFormatter, **more)

    def format_help(self) -> str:
        """Returns the help, whose first line names only what must be given."""
        required = [action for action in self._actions if action.required]
        words = [" ".join([*action.option_strings[-1:], _placeholder(action)]) for action in required]
        self.usage = self.usage or " ".join([self.prog, *words, "[OPTION ...]"])
        return super().format_help()

    def error(self, message: str) -> NoReturn:
        """Prints the mistake and ends the program with 2."""
        for pattern, form in _MESSAGES:
            match = re.fullmatch(pattern, message, re.DOTALL)
            if match:
                message = match.expand(form)
                break
        text, allowed, choices = message.partition("(allowed: ")
        unquoted = choices.replace("'", "")  # some versions of Python quote them
        self.exit(2, f"{self.prog}: {text}{allowed}{unquoted}\n")


def _placeholder(action: argparse.Action) -> str:
    """Returns how the help names the value of an argument."""
    if action.metavar is None and action.choices:
        return "{" + ",".join(map(str, action.choices)) + "}"
    return str(action.metavar or action.dest)


def add_example(parser: argparse.ArgumentParser, *lines: str) -> None:
    """Ends the parser's help with an example.

    Args:
      parser: of a command.
      lines: of one command line, the next ones being its continuation.
    """
    parser.epilog = "example:\n  " + " \\\n      ".join(lines)


def add_weights(parser: argparse.ArgumentParser) -> None:
    """Adds the network that is used."""
    parser.add_argument("--weights", type=Path, metavar="DIR", help="folder of the network (default: the shipped one)")


def add_seed(parser: argparse.ArgumentParser) -> None:
    """Adds the number that random choices depend on."""
    parser.add_argument("--seed", type=whole_number, default=1, metavar="N", help="seed of random choices (default: 1)")


def add_json(parser: argparse.ArgumentParser) -> None:
    """Adds where figures are written for other programs."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to this file")


def add_strict(group: argparse._ActionsContainer, entry: str) -> None:
    """Adds whether a file is refused for an entry that cannot be read.

    Args:
      group: a parser, or a group of its options.
      entry: what a file holds many of, such as "puzzle".
    """
    strict_help = f"stop at the first {entry} that cannot be read (default: skip it)"
    group.add_argument("--strict", action="store_true", help=strict_help)


def add_clock(parser: argparse.ArgumentParser) -> None:
    """Adds which clock counts the time."""
    clock_help = "count wall-clock time or, on a shared machine, processor time (default: wall)"
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall", help=clock_help)


def add_page(parser: argparse.ArgumentParser) -> None:
    """Adds how a page is served on this machine."""
    parser.add_argument(
        "--port", type=port_number, default=0, metavar="N", help="port of the page (default: a free one)"
    )
    parser.add_argument("--no-browser", action="store_true", help="print the page's address instead of opening it")


def add_settings(
    parser: argparse.ArgumentParser,
    config: "Callable[[argparse.Namespace], DataclassInstance | type[DataclassInstance]]",
    of: str,
) -> None:
    """Adds `--set`.

    Args:
      parser: of a command.
      config: returns the config that is changed, or its class, from the arguments before `--set`; `--set help` lists
        its settings.
      of: whose settings they are.
    """

    def listed(arguments: argparse.Namespace) -> list[str]:
        from engine.frozen_config import describe_settings

        return describe_settings(config(arguments))

    settings_help = f"change a setting of {of}; repeatable; `--set help` lists them"
    parser.add_argument(
        "--set", action=_Listing, listed=listed, default=[], metavar="FIELD=VALUE", appends=True, help=settings_help
    )


def add_preset(
    parser: argparse.ArgumentParser, default: str, presets: Callable[[], Mapping[str, str]], of: str
) -> None:
    """Adds `--preset`.

    Args:
      parser: of a command.
      default: name of the preset that is taken without the option.
      presets: returns the names with a few words on each, which `--preset help` lists.
      of: what a preset is the settings of.
    """

    def listed(_arguments: argparse.Namespace) -> list[str]:
        rows = presets()
        return [f"{name:{max(map(len, rows))}}  {text}" for name, text in rows.items()]

    preset_help = f"settings of {of} to start from; `--preset help` lists them (default: {default})"
    parser.add_argument("--preset", action=_Listing, listed=listed, default=default, metavar="NAME", help=preset_help)


def add_fields(group: argparse._ActionsContainer, config: "type[DataclassInstance]", helps: Mapping[str, str]) -> None:
    """Adds an option for each named field of a config; its type and its default are those of the field.

    Args:
      group: a parser, or a group of its options.
      config: the dataclass.
      helps: what to say of each field. A default is added to it if it is a number or a name.
    """
    hints, fields = get_type_hints(config), {field.name: field for field in dataclasses.fields(config)}
    for name, text in helps.items():
        hint, default = _without_none(hints[name]), fields[name].default
        option: dict[str, Any] = {"help": text, "default": default}
        if default is dataclasses.MISSING:
            option["required"] = True
        elif default not in (None, ""):
            shown = f"{default:g}" if isinstance(default, float) else default
            option["help"] = f"{text} (default: {shown})"
        if get_origin(hint) is Literal:
            option["choices"] = get_args(hint)
        else:
            option["type"], option["metavar"] = _KINDS[hint]
        group.add_argument(f"--{name.replace('_', '-')}", **option)


def config_from(arguments: argparse.Namespace, config: type[ConfigT], **given: Any) -> ConfigT:
    """Returns a config whose fields are those arguments that have their names, and what is given.

    Args:
      arguments: as parsed.
      config: the dataclass.
      given: other fields, or the same ones with another value.

    Raises:
      ValueError: the config does not allow a value.
    """
    names = {field.name for field in dataclasses.fields(config)} & vars(arguments).keys()
    return config(**{**{name: getattr(arguments, name) for name in names}, **given})


def port_number(text: str) -> int:
    """Reads the number of a port, 0 for a free one."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"expected a port from 0 to 65535, got {text!r}")
    return int(text)


def whole_number(text: str) -> int:
    """Reads a whole number of at least 0."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 0, got {text!r}")
    return int(text)


def positive_whole(text: str) -> int:
    """Reads a whole number of at least 1."""
    number = whole_number(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a number of at least 1, got {text}")
    return number


def number(text: str) -> float:
    """Reads a finite number."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"expected a number, got {text!r}")
    return value


def positive_number(text: str) -> float:
    """Reads a number above 0."""
    if not number(text) > 0:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r}")
    return number(text)


_KINDS: dict[object, tuple[Callable[[str], object], str]] = {
    int: (whole_number, "N"),
    float: (number, "X"),
    str: (str, "TEXT"),
    Path: (Path, "PATH"),
}


class _Listing(argparse.Action):
    """Stores a value, or appends it; the value `help` prints what is allowed and ends the program instead."""

    def __init__(
        self, *, listed: Callable[[argparse.Namespace], list[str]], appends: bool = False, **others: Any
    ) -> None:
        super().__init__(**others)
        self._listed, self._appends = listed, appends

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,  # noqa: ARG002
    ) -> None:
        """Stores or lists."""
        if values == "help":
            print("\n".join(self._listed(namespace)))
            parser.exit()
        before = getattr(namespace, self.dest)
        setattr(namespace, self.dest, [*before, values] if self._appends else values)


def _without_none(hint: Any) -> Any:
    """Returns X of `X | None`, and any other type as it is."""
    if get_origin(hint) not in (Union, types.UnionType):
        return hint
    (kept,) = (option for option in get_args(hint) if option is not type(None))
    return kept
