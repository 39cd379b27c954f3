"""Reads files of labels in chunks and encodes their positions, so that processes can share the work."""

import hashlib
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from engine.encoding.move_labels import move_to_cell
from engine.encoding.position import POSITION_SIZE, encode_position
from engine.files.puzzle_lines import PuzzleColumns, puzzle_columns
from engine.files.skipped_entries import EntryFault
from engine.files.text_file import FileError, TextFile
from training.labels.label_formats import LabelKind, parse_entries
from training.packed.shards import VALUE_SCALE

LINES_PER_CHUNK = 1000
_SPLIT_STEPS = 10_000


class Lines(NamedTuple):
    """Consecutive lines of one file.

    Attributes:
      name: the file's name.
      first_line: the number of the first line, counted from 1.
      lines: without their ends.
      share: of all input, before the end of these lines, 0..1.
      columns: of puzzles; None for other labels.
    """

    name: str
    first_line: int
    lines: list[str]
    share: float
    columns: PuzzleColumns | None


class EncodedChunk(NamedTuple):
    """Encoded positions of one chunk, whose moves follow one another, and what was left out."""

    positions: np.ndarray  # int8 [n, P]
    counts: np.ndarray  # int64 [n]
    cells: np.ndarray  # uint16 [moves]
    values: np.ndarray  # uint16 [moves]
    in_validation: np.ndarray  # bool [n]
    forced: int
    faults: list[EntryFault]


def is_validation_group(group: str, validation_percent: float) -> bool:
    """Returns whether a game's positions belong to the validation part, from its name alone."""
    digest = hashlib.blake2b(group.encode(), digest_size=8).digest()
    return int.from_bytes(digest) % _SPLIT_STEPS < validation_percent / 100 * _SPLIT_STEPS


def chunks_of_lines(inputs: Sequence[Path], kind: LabelKind) -> Iterator[Lines]:
    """Yields all lines of the files in order.

    Args:
      inputs: the files, compressed or not.
      kind: format of their lines.

    Raises:
      FileError: a file cannot be read.
    """
    total_bytes = max(sum(_size(path) for path in inputs), 1)
    bytes_before = 0
    for path in inputs:
        with TextFile(path, "labels") as file:
            lines = file.lines()
            first_line, columns = 1, None
            while chunk := list(islice(lines, LINES_PER_CHUNK)):
                if kind == "puzzles" and first_line == 1:
                    columns = _columns(path, chunk)
                share = (bytes_before + file.bytes_read()) / total_bytes
                yield Lines(str(path), first_line, chunk, share, columns)
                first_line += len(chunk)
        bytes_before += _size(path)


def _columns(path: Path, lines: list[str]) -> PuzzleColumns:
    """Returns the columns that the first written line of a file of puzzles names; it is emptied if it is a header."""
    for place, line in enumerate(lines):
        if line.strip() and not line.startswith("#"):
            try:
                columns = puzzle_columns(line)
            except ValueError as error:
                raise FileError(f"{path}, line {place + 1}: {error}") from None
            if columns is not None:
                lines[place] = ""
                return columns
            break
    return PuzzleColumns()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise FileError(f"expected a file of labels, got {path}: {error.strerror}") from error


def encode_chunk(chunk: Lines, kind: LabelKind, validation_percent: float) -> EncodedChunk:
    """Parses and encodes the positions of a chunk.

    Args:
      chunk: the lines.
      kind: their format.
      validation_percent: share of the groups that go to the validation part, 0..100.
    """
    positions, counts, values, in_validation = [], [], [], []
    cells: list[int] = []
    forced, faults = 0, []
    for labelled in parse_entries(kind, chunk.name, chunk.first_line, chunk.lines, chunk.columns):
        if isinstance(labelled, EntryFault):
            faults.append(labelled)
            continue
        if kind == "puzzles" and len(labelled.moves) == 1:
            forced += 1
            continue
        positions.append(encode_position(labelled.board))
        counts.append(len(labelled.moves))
        cells.extend(move_to_cell(labelled.board, move) for move in labelled.moves)
        values.append(np.rint(labelled.values * VALUE_SCALE).astype(np.uint16))
        in_validation.append(is_validation_group(labelled.group, validation_percent))
    return EncodedChunk(
        positions=np.array(positions, np.int8).reshape(-1, POSITION_SIZE),
        counts=np.array(counts, np.int64),
        cells=np.array(cells, np.uint16),
        values=np.concatenate([np.zeros(0, np.uint16), *values]),
        in_validation=np.array(in_validation, bool),
        forced=forced,
        faults=faults,
    )
