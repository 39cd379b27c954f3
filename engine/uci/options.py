"""The options of the Universal Chess Interface: one table.

Only options that change something are declared. No name, default or choice holds a keyword of the protocol, and no
name that begins with UCI_ is our own, because chess programs hide those.
"""

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

from engine.player.backend import Backend
from engine.player.choice import MoveSelection
from engine.player.strength import HIGHEST_ELO, LOWEST_ELO
from engine.uci.commands import shown
from engine.uci.option import Option, OptionError, UnknownOptionError
from engine.uci.score_types import ScoreType
from engine.uci.settings import ABOUT

_MOST_RECURSION_STEPS = 64
_AUTODISCOVER = "<autodiscover>"  # lc0's word for: look where networks are


def _number_reader(name: str, high: float) -> Callable[[str], float]:
    """Returns a reader of numbers from 0 to less than `high`, as 0.6, 0,6 or 60%; UCI has no such type."""

    def read(text: str) -> float:
        percent = text.endswith("%")
        try:
            number = float(text.removesuffix("%").replace(",", ".") or "0") / (100.0 if percent else 1.0)
        except ValueError:
            number = math.nan
        if not 0.0 <= number < high:
            raise OptionError(f"expected a number for {name}, got {shown(text)} (allowed: 0 to less than {high:g})")
        return number

    return read


def _read_weights(text: str) -> Path | None:
    """Returns a network's folder, which may be named by a file in it, as dialogues for files do."""
    _refuse_zero_bytes("WeightsFile", text)
    if text in ("", _AUTODISCOVER):
        return None
    path = _expanded(text)
    return path.parent if path.is_file() else path


def _path_reader(name: str) -> Callable[[str], Path | None]:
    def read(text: str) -> Path | None:
        _refuse_zero_bytes(name, text)
        return _expanded(text) if text else None

    return read


def _expanded(text: str) -> Path:
    return Path(os.path.expanduser(text))  # unlike Path's own, leaves the `~` of somebody unknown as it is


def _read_folders(text: str) -> str:
    _refuse_zero_bytes("SyzygyPath", text)
    return text


def _refuse_zero_bytes(name: str, text: str) -> None:
    if "\0" in text:
        raise OptionError(f"expected a path for {name}, got {shown(text)}")


def _ignore_text(_text: str) -> str:
    return ABOUT


def _check(name: str, field: str, meaning: str) -> Option:
    return Option(name=name, kind="check", field=field, meaning=meaning)


def _spin(name: str, field: str, limits: tuple[int, int], meaning: str) -> Option:
    low, high = limits
    return Option(name=name, kind="spin", field=field, minimum=low, maximum=high, meaning=meaning)


def _combo(name: str, field: str, choices: tuple[str, ...], meaning: str) -> Option:
    return Option(name=name, kind="combo", field=field, choices=choices, meaning=meaning)


def _string(name: str, field: str, meaning: str, read_text: Callable[[str], Any]) -> Option:
    return Option(name=name, kind="string", field=field, meaning=meaning, read_text=read_text)


def _path(name: str, field: str, meaning: str) -> Option:
    return _string(name, field, meaning, _path_reader(name))


def _number(name: str, field: str, high: float, meaning: str) -> Option:
    return _string(name, field, meaning, _number_reader(name, high))


OPTIONS = (
    _spin("Hash", "hash_mb", (1, 65536), "memory of the evaluation cache in MiB"),
    Option(name="Clear Hash", kind="button", field=None, meaning="empties the evaluation cache"),
    _spin("Threads", "threads", (1, 512), "processor threads; takes effect before the network is loaded"),
    _check("Ponder", "ponder", "tell the answer expected to the move, at the cost of one more evaluation"),
    _spin("MultiPV", "multipv", (1, 500), "moves shown, each with a score of its own"),
    _spin("Move Overhead", "overhead_ms", (0, 10000), "time kept back from the clock in ms"),
    _check("UCI_Chess960", "chess960", "castling is written king takes rook"),
    _check("UCI_AnalyseMode", "analyse_mode", "ignore book, temperature, limited strength and ThinkTime"),
    _check("UCI_LimitStrength", "limit_strength", "play at the strength of UCI_Elo"),
    _spin("UCI_Elo", "elo", (LOWEST_ELO, HIGHEST_ELO), "strength to play at; takes the place of the temperature"),
    _check("UCI_ShowWDL", "show_wdl", "show win, draw and loss in permille"),
    _string("UCI_Opponent", "opponent", "who plays; shown by `d`", str),
    _string("UCI_EngineAbout", "about", "what this is; cannot be changed", _ignore_text),
    _string("SyzygyPath", "syzygy_path", "folders of endgame tables, which then choose the move", _read_folders),
    _check("OwnBook", "own_book", "play moves of the book while there are some"),
    _path("BookFile", "book_file", "opening book in Polyglot's format"),
    _string("WeightsFile", "weights_folder", "folder of the network; empty: the shipped one", _read_weights),
    _combo("Backend", "backend", get_args(Backend), "what computes; auto: an accelerator if there is one"),
    _combo(
        "MoveSelection",
        "selection",
        get_args(MoveSelection),
        "policy: the network's most probable move; lookahead: the policy and the values of all successors, one ply; "
        "cmpo: the policy improved by the network's latent model, if it has one",
    ),
    _check("RepetitionGuard", "repetition_guard", "when winning, avoid moves that repeat or draw"),
    _number("Temperature", "temperature", 100.0, "0: the best move; 1: drawn from the policy"),
    _spin("TempDecayMoves", "temp_decay_moves", (0, 500), "moves in which the temperature falls to 0; 0: never"),
    _spin("TempCutoffMove", "temp_cutoff_move", (0, 1000), "move from which the temperature is 0; 0: none"),
    _spin("Seed", "seed", (-1, 2**31 - 1), "of book and temperature; -1: other moves each time"),
    _spin("RecursionSteps", "recursion_steps", (0, _MOST_RECURSION_STEPS), "most solver steps; 0: the network's own"),
    _number(
        "RecursionTolerance",
        "recursion_tolerance",
        1.0,
        "residual at which the solver stops; 0: the network's own; a change compiles the network anew",
    ),
    _combo("ScoreType", "score_type", get_args(ScoreType), "what the number after `score cp` is"),
    _check("VerboseMoveStats", "verbose_move_stats", "show policy and value of every move in lc0's format"),
    _spin("ThinkTime", "think_ms", (0, 60000), "least time for a move in ms, as far as the clock allows"),
    _path("LogFile", "log_file", "file to which all lines of the protocol are appended, with the time"),
)
_BY_NAME = {option.name.lower(): option for option in OPTIONS}


def find_option(name: str) -> Option:
    """Returns the option with this name, in any case.

    Raises:
      UnknownOptionError: there is none.
    """
    option = _BY_NAME.get(name.lower())
    if option is None:
        names = ", ".join(option.name for option in OPTIONS)
        raise UnknownOptionError(f"expected the name of an option, got {shown(name)} (allowed: {names})")
    return option
