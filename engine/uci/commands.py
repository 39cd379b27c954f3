"""Parses lines of the Universal Chess Interface into typed commands; a line that cannot be parsed says why."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

_SHOWN_CHARACTERS = 60


@dataclass(frozen=True)
class Bare:
    """A command that is one word, such as `isready`."""

    word: str


@dataclass(frozen=True)
class Debug:
    """`debug on` or `debug off`."""

    on: bool


@dataclass(frozen=True)
class SetOption:
    """`setoption name N [value V]`; the value is empty for a button or an empty string."""

    name: str
    value: str


@dataclass(frozen=True)
class Position:
    """`position startpos|fen F [moves ...]`; `fen` is None for the starting position."""

    fen: str | None
    moves: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Go:
    """`go` with its limits; what is absent is None, False or empty."""

    wtime_ms: int | None = None
    btime_ms: int | None = None
    winc_ms: int | None = None
    binc_ms: int | None = None
    movestogo: int | None = None
    depth: int | None = None
    nodes: int | None = None
    mate: int | None = None
    movetime_ms: int | None = None
    perft: int | None = None  # depth of a count of leaf positions, instead of a move
    infinite: bool = False
    ponder: bool = False
    searchmoves: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()  # one line for each part that was not understood and left out


@dataclass(frozen=True)
class Invalid:
    """A line that is not a command, or a command that lacks something; the problem is one line."""

    problem: str
    known: bool  # whether the first word is a command


Command = Bare | Debug | SetOption | Position | Go | Invalid

BARE_WORDS = "uci isready ucinewgame stop ponderhit quit register d eval bench help license version".split()
_GO_NUMBERS = {field.name.removesuffix("_ms"): field.name for field in fields(Go) if field.type == int | None}
_GO_FLAGS = ("infinite", "ponder")


def parse_command(line: str) -> Command | None:
    """Returns the command on a line, or None for a blank line.

    Any white space separates words, and anything after a one-word command is ignored.

    Args:
      line: any text.
    """
    words = line.split()
    if not words:
        return None
    if words[0] in BARE_WORDS:
        return Bare(words[0])
    if words[0] in _PARSERS:
        return _PARSERS[words[0]](line)
    return Invalid(f"expected a command, got {shown(line)} (allowed: see help)", known=False)


def shown(text: str) -> str:
    """Returns the text in quotes, on one line and short enough for a window."""
    text = text.strip()
    cut = text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "..."
    return ascii(cut)


def _parse_debug(line: str) -> Command:
    words = line.split()
    if words[1:2] in (["on"], ["off"]):
        return Debug(words[1] == "on")
    return Invalid(f"expected on or off for debug, got {shown(line)}", known=True)


def _parse_setoption(line: str) -> Command:
    rest = line.strip().removeprefix("setoption").strip()
    if rest.split()[:1] not in (["name"], ["Name"], ["NAME"]):
        return Invalid(f"expected setoption name N [value V], got {shown(line)}", known=True)
    words = rest[len("name") :].replace("\t", " ").split(" ")
    lowered = [word.lower() for word in words]
    # Only the first `value` separates: values may hold the word, and inner spaces stay.
    end = lowered.index("value") if "value" in lowered else len(words)
    name = " ".join(" ".join(words[:end]).split())
    if not name:
        return Invalid(f"expected the name of an option, got {shown(line)}", known=True)
    return SetOption(name, " ".join(words[end + 1 :]).strip())


def _parse_position(line: str) -> Command:
    words = line.split()[1:]
    end = words.index("moves") if "moves" in words else len(words)
    setup, moves = words[:end], tuple(words[end + 1 :])
    if setup == ["startpos"]:
        return Position(None, moves)
    if setup[:1] == ["fen"] and len(setup) > 1:
        return Position(" ".join(setup[1:]), moves)
    return Invalid(f"expected position startpos|fen F [moves ...], got {shown(line)}", known=True)


def _parse_go(line: str) -> Command:
    limits: dict[str, Any] = {}
    searchmoves: list[str] = []
    problems: list[str] = []
    words = line.split()[1:]
    while words:
        word = words.pop(0)
        if word in _GO_FLAGS:
            limits[word] = True
        elif word in _GO_NUMBERS:
            text = words.pop(0) if words and not _is_go_word(words[0]) else ""
            try:
                limits[_GO_NUMBERS[word]] = int(text)
            except ValueError:
                problems.append(f"expected an integer for go {word}, got {shown(text)}")
            if word == "perft" and limits.get("perft", -1) < 0:  # no move is wanted of it
                return Invalid(f"expected a depth of at least 0 for perft, got {shown(text)}", known=True)
        elif word == "searchmoves":
            while words and not _is_go_word(words[0]):
                searchmoves.append(words.pop(0))
        else:
            problems.append(
                f"expected a limit for go, got {shown(word)} (allowed: "
                f"{', '.join((*_GO_NUMBERS, *_GO_FLAGS, 'searchmoves'))})"
            )
    return Go(**limits, searchmoves=tuple(searchmoves), problems=tuple(problems))


def _is_go_word(word: str) -> bool:
    return word in _GO_NUMBERS or word in _GO_FLAGS or word == "searchmoves"


_PARSERS: dict[str, Callable[[str], Command]] = {
    "debug": _parse_debug,
    "setoption": _parse_setoption,
    "position": _parse_position,
    "go": _parse_go,
    "perft": lambda line: _parse_go(f"go {line}"),
}
