"""Reads Lichess's puzzles: CSV whose header tells the columns, in any order, quoted or not.

The first move of a puzzle is the opponent's, made in the position of the FEN; then solver and opponent alternate.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import chess

from engine.files.position_lines import read_fen
from engine.files.skipped_entries import EntryFault
from engine.files.text_file import shown_name, text_lines

_SHOWN = 80


@dataclass(frozen=True, kw_only=True)
class Puzzle:
    """Holds one puzzle.

    Attributes:
      puzzle_id: Lichess's name for it.
      fen: position before the opponent's first move.
      moves: legal one after another, the opponent's first, an even number.
      rating: Lichess puzzle rating; -1 if there is none.
      rated: the rating as written.
      line: of the file, counted from 1.
    """

    puzzle_id: str
    fen: str
    moves: tuple[chess.Move, ...]
    rating: int
    rated: str = ""
    line: int = 0

    def boards(self) -> Iterator[chess.Board]:
        """Yields the position before each move and after the last; each is valid until the next."""
        board = chess.Board(self.fen)
        yield board
        for move in self.moves:
            board.push(move)
            yield board


class PuzzleColumns(NamedTuple):
    """Says where in a line the parts of a puzzle stand, counted from 0; None if there is no rating."""

    puzzle_id: int = 0
    fen: int = 1
    moves: int = 2
    rating: int | None = 3
    delimiter: str = ","


def puzzle_columns(header: str) -> PuzzleColumns | None:
    """Returns the columns that the first line of a file names, None if it is no header.

    Raises:
      ValueError: it is a header without an essential column.
    """
    delimiter = max(",;\t", key=header.count)
    names = [name.strip().lower() for name in _fields(header, delimiter)]
    if not {"puzzleid", "fen", "moves"} & set(names):
        return None
    missing = [name for name in ("fen", "moves") if name not in names]
    if missing:
        raise ValueError(f"expected a header with FEN and Moves, got {header[:_SHOWN]!r}")
    puzzle_id = next((names.index(name) for name in ("puzzleid", "id") if name in names), 0)
    rating = names.index("rating") if "rating" in names else None
    return PuzzleColumns(puzzle_id, names.index("fen"), names.index("moves"), rating, delimiter)


def read_puzzles(
    path: Path, part: int = 0, parts: int = 1, *, needs_rating: bool = False
) -> Iterator[Puzzle | EntryFault]:
    """Yields the puzzles of a file.

    Args:
      path: the file, in any encoding, compressed or not; `-` is standard input.
      part: which of the parts, counted from 0.
      parts: so many readers divide the lines among them, each every so-many-th.
      needs_rating: whether a puzzle without a rating is a fault.

    Raises:
      FileError: the file cannot be opened, is damaged, or is not text.
    """
    lines = enumerate(text_lines(path, "puzzles"), 1)
    for puzzle in puzzles_of_lines(lines, shown_name(path), None, part, parts):
        if needs_rating and isinstance(puzzle, Puzzle) and puzzle.rating < 0:
            yield EntryFault(
                shown_name(path), puzzle.line, "", f"expected a whole number as rating, got {puzzle.rated!r}"
            )
        else:
            yield puzzle


def puzzles_of_lines(
    lines: Iterable[tuple[int, str]], name: str, columns: PuzzleColumns | None, part: int = 0, parts: int = 1
) -> Iterator[Puzzle | EntryFault]:
    """Yields the puzzles of numbered lines.

    Args:
      lines: with their numbers in the file.
      name: of the file, for faults.
      columns: of the file; None where the lines are all of it, so that the first that is not empty may tell them.
      part: which of the parts, counted from 0.
      parts: see `read_puzzles`.
    """
    for number, line in lines:
        if not line.strip() or line.startswith("#"):
            continue
        try:
            if columns is None:
                header = puzzle_columns(line)
                columns = header or PuzzleColumns()
                if header:
                    continue
            if number % parts == part:
                yield _puzzle(line, columns, number)
        except ValueError as error:
            yield EntryFault(name, number, "", " ".join(str(error).split()))


def _puzzle(line: str, columns: PuzzleColumns, number: int) -> Puzzle:
    fields = _fields(line, columns.delimiter)
    if len(fields) <= max(columns.puzzle_id, columns.fen, columns.moves) or not fields[columns.puzzle_id]:
        raise ValueError(
            f"expected a puzzle as PuzzleId,FEN,Moves,Rating,... or as the header says, got {line[:_SHOWN]!r}"
        )
    fen, texts = fields[columns.fen], fields[columns.moves].split()
    board = read_fen(fen)
    if board.chess960:
        raise ValueError(f"expected a position of chess, got one of Chess960: {fen}")
    if not texts or len(texts) % 2:
        raise ValueError(f"expected an even number of moves, the opponent's first, got {fields[columns.moves]!r}")
    for ply, text in enumerate(texts):
        try:
            move = board.parse_uci(text)
            if not move:
                raise ValueError(f"the null move {text}")
            board.push(move)
        except ValueError as error:
            raise ValueError(f"expected a legal {'solver' if ply % 2 else 'opponent'} move, got {error}") from None
    rated = fields[columns.rating].strip() if columns.rating is not None and columns.rating < len(fields) else ""
    return Puzzle(
        puzzle_id=fields[columns.puzzle_id],
        fen=fen,
        moves=tuple(board.move_stack),
        rating=int(rated) if rated.isdecimal() else -1,
        rated=rated,
        line=number,
    )


def _fields(line: str, delimiter: str) -> list[str]:
    if '"' not in line:
        return line.strip().split(delimiter)
    try:
        return [field.strip() for field in next(csv.reader([line], delimiter=delimiter, strict=True))]
    except csv.Error as error:
        raise ValueError(f"expected a line of CSV, got {line[:_SHOWN]!r} ({error})") from None
