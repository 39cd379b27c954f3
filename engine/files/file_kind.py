"""Tells what a file of games or positions holds: by its name, or by its first lines if the name says nothing."""

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Literal

from engine.files.puzzle_lines import puzzle_columns
from engine.files.text_file import plain_suffix, text_lines
from engine.files.written_moves import read_word

FileKind = Literal["games", "positions", "puzzles", "labels", "moves"]
_BY_SUFFIX: dict[str, FileKind] = {
    ".pgn": "games",
    ".epd": "positions",
    ".fen": "positions",
    ".csv": "puzzles",
    ".tsv": "labels",
}
_LINES = 20  # of those that are not empty
_PLACEMENT = re.compile(r"(?:[1-8KQRBNPkqrbnp]+/){7}[1-8KQRBNPkqrbnp]+$")
_UCI = re.compile(r"[a-h][1-8][a-h][1-8][qrbn]?$")


def file_kind(path: Path) -> FileKind:
    """Returns what a file holds.

    Args:
      path: the file. Standard input and files whose names end otherwise are looked into; what shows nothing known is
        taken for moves.

    Raises:
      FileError: the file cannot be read.
    """
    return _BY_SUFFIX.get(plain_suffix(path)) or kind_of_lines(text_lines(path, "games or positions"))


def kind_of_lines(lines: Iterator[str]) -> FileKind:
    """Returns what the first lines of a file show that it holds."""
    written = (line for line in lines if line.strip() and line[0] not in "#%;")
    for line in islice(written, _LINES):
        words = line.split()
        if line.lstrip().startswith(("[", "{")):
            return "games"
        if _PLACEMENT.match(words[0].lstrip("\"'")):
            return "positions"
        fields = line.split("\t")
        if len(fields) > 1 and _PLACEMENT.match(fields[1].split(" ")[0]):
            return "labels"
        if _shows_puzzles(line):
            return "puzzles"
        if all(map(_UCI.match, words)):
            return "moves"
        if read_word(words[0]).is_of_game:
            return "games"
    return "moves"


def _shows_puzzles(line: str) -> bool:
    try:
        if puzzle_columns(line) is not None:
            return True
    except ValueError:
        return True
    fields = line.split(",")
    return len(fields) > 2 and bool(_PLACEMENT.match(fields[1].split(" ")[0]))
