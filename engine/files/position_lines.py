"""Reads positions: a FEN, or a line of a file that holds one as FEN or EPD, whatever stands behind it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import chess

from engine.files.skipped_entries import EntryFault
from engine.files.text_file import shown_name, text_lines

_LARGEST_COUNTER = 32767  # The encodings and other programs hold counters in 16 bits.
_SEPARATOR = re.compile(r"[\s,;|]+")
_QUOTED = re.compile(r'"[^"]*"')
_COUNTER = re.compile(r"\b(hmvc|fmvn)\s+(\d+)")
_OTHER_BOARD = re.compile(r"[~\[\]]|(?:[^/]*/){8}")  # promoted pieces and pieces in hand of Crazyhouse
_CHECKS_GIVEN = re.compile(r"\+?\d\+\+?\d")  # of three-check
_SHOWN = 100


class Position(NamedTuple):
    """Holds a position of a file, and the number of its line, counted from 1."""

    line: int
    board: chess.Board


def read_positions(path: Path, part: int = 0, parts: int = 1) -> Iterator[Position | EntryFault]:
    """Yields the positions of a file, one a line; empty lines and lines that start with `#` are passed over.

    Args:
      path: the file, in any encoding, compressed or not; `-` is standard input.
      part: which of the parts, counted from 0.
      parts: so many readers divide the lines among them, each every so-many-th.

    Raises:
      FileError: the file cannot be opened, is damaged, or is not text.
    """
    for number, line in enumerate(text_lines(path, "positions"), 1):
        if number % parts != part or not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            yield Position(number, read_position(line))
        except ValueError as error:
            yield EntryFault(shown_name(path), number, "", str(error))


def read_position(line: str) -> chess.Board:
    """Returns the position of a line that holds a FEN or an EPD with or without operations.

    Counters are those of a FEN, or of the operations `hmvc` and `fmvn`; 0 and 1 where there are none.

    Raises:
      ValueError: one line: there is no position, or none that a game can reach.
    """
    fields = [field for field in _SEPARATOR.split(line.strip().lstrip("\"'")) if field]
    counters = [field.strip("\"'") for field in fields[4:6]]
    position = " ".join(field.strip("\"'") for field in fields[:4])
    if len(fields) < 4 or position.count("/") < 7:
        raise ValueError(f"expected a position as FEN or EPD, got {_shown(line)}")
    if any(field.count("/") > 6 for field in fields[4:7]):  # files put together without a line end between them
        raise ValueError(f"expected one position in a line, got two: {_shown(line)}")
    if _is_of_another_game(fields):
        raise ValueError(f"expected a position of chess, got one of another game: {_shown(line)}")
    if counters and counters[0].isdecimal():
        counters = [counters[0], counters[1] if counters[1:] and counters[1].isdecimal() else "1"]
    else:
        told = dict(_COUNTER.findall(_QUOTED.sub("", line)))
        counters = [told.get("hmvc", "0"), told.get("fmvn", "1")]
    return read_fen(" ".join([position, *counters]))


def read_fen(fen: str, *, chess960: bool = False) -> chess.Board:
    """Returns the position that a FEN gives.

    Args:
      fen: of four or six fields, of chess or Chess960.
      chess960: whether the game is one of Chess960; other castling rights than those of chess say so, too.

    Raises:
      ValueError: one line: the FEN is malformed, is one of another game, or no game can reach the position.
    """
    fields = fen.split()
    if _is_of_another_game(fields):
        raise ValueError(f"expected a FEN of chess, got one of another game: {_shown(fen)}")
    if len(fields) not in (4, 6):
        raise ValueError(f"expected a position as FEN or EPD, got {_shown(fen)} (a fen has four or six fields)")
    try:
        board = chess.Board(" ".join(fields[:4] + (fields[4:] or ["0", "1"])), chess960=True)
    except (ValueError, IndexError) as error:
        reason = " ".join(str(error).split())[:_SHOWN]
        raise ValueError(f"expected a position as FEN or EPD, got {_shown(fen)} ({reason})") from None
    board.chess960 = chess960 or board.has_chess960_castling_rights()
    check_possible(board, fen)
    return board


def _is_of_another_game(fields: list[str]) -> bool:
    return bool(fields and _OTHER_BOARD.search(fields[0])) or any(map(_CHECKS_GIVEN.fullmatch, fields[4:7]))


def check_possible(board: chess.Board, fen: str) -> None:
    """Raises ValueError, with the reasons, if no game can reach the position.

    Args:
      board: the position.
      fen: as it was given, for the message.
    """
    status = board.status()
    reasons = [str(flag.name).lower().replace("_", " ") for flag in chess.Status if status & flag and flag.name]
    if board.halfmove_clock > _LARGEST_COUNTER or board.fullmove_number > _LARGEST_COUNTER:
        reasons.append("move counter too large")
    if reasons:
        raise ValueError(
            f"expected a legal position, one that a game can reach, got {_shown(fen)} ({', '.join(reasons)})"
        )


def _shown(text: str) -> str:
    """Returns a text of any length and content as a short printable one."""
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")
