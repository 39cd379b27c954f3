"""Reads and writes the text formats of labelled positions: all-move values, best four, puzzles.

    all       group TAB fen TAB values      two characters a legal move, moves in order of UCI text
    top4      group TAB fen TAB uci:score:depth, separated by spaces
    puzzles   CSV as Lichess publishes it   see `engine/files/puzzle_lines.py`; a puzzle is its own group

In a top4 line a move may be listed twice; the deeper verdict counts, the first of equally deep ones. Moves that are not
listed lie 0.05 below the worst that is. Every value is the expected score in [0, 1] of the side to move.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import chess
import numpy as np

from engine.encoding.move_labels import move_to_cell
from engine.encoding.position import encode_position
from engine.files.puzzle_lines import Puzzle, PuzzleColumns, puzzles_of_lines, read_puzzles
from engine.files.skipped_entries import EntryFault
from engine.files.text_file import FileError, TextFile, plain_suffix
from engine.player.mate_in_one import mating_moves
from training.labels.expected_score import score_to_value

LabelKind = Literal["all", "top4", "puzzles"]
LABEL_KINDS: tuple[LabelKind, ...] = get_args(LabelKind)
UNLISTED_BELOW = 0.05  # how far moves outside the best four lie below the worst that is listed
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"
_DIGIT_VALUE = np.full(256, -1, np.int32)
_DIGIT_VALUE[np.frombuffer(_DIGITS.encode(), np.uint8)] = np.arange(64)
_LARGEST_PAIR = 64 * 64 - 1


class LabelError(FileError):
    """A file of labels is not what its format says; the text is one line and names the place."""


class LabelledPosition(NamedTuple):
    """Holds a position with the expected score of each of its legal moves.

    `group` names the game or puzzle it comes from; `moves` are all the legal moves in ascending
    order of their UCI text; `values` `[L]` float64 are for the side to move.
    """

    group: str
    board: chess.Board
    moves: list[chess.Move]
    values: np.ndarray


def read_labels(path: Path, kind: LabelKind) -> Iterator[LabelledPosition]:
    """Yields the labelled positions of a file.

    Args:
      path: a text file, compressed or not.
      kind: the format of its lines.

    Raises:
      FileError: the file cannot be read.
      LabelError: a line is malformed.
    """
    with TextFile(path, "labels") as file:
        yield from parse_lines(kind, str(path), 1, file.lines())


def parse_lines(kind: LabelKind, name: str, first_line: int, lines: Iterable[str]) -> Iterator[LabelledPosition]:
    """Yields the labelled positions of consecutive lines; see `parse_entries`.

    Raises:
      LabelError: a line is malformed.
    """
    for entry in parse_entries(kind, name, first_line, lines):
        if isinstance(entry, EntryFault):
            raise LabelError(str(entry))
        yield entry


def parse_entries(
    kind: LabelKind, name: str, first_line: int, lines: Iterable[str], columns: PuzzleColumns | None = None
) -> Iterator[LabelledPosition | EntryFault]:
    """Yields the labelled positions of consecutive lines of a file, and the faults of malformed ones.

    Args:
      kind: the format of the lines.
      name: the file's name, for faults.
      first_line: number of the first of the lines, counted from 1.
      lines: without their ends; empty ones and a puzzle file's header pass.
      columns: of puzzles, if the lines begin behind the header.
    """
    numbered = enumerate(lines, first_line)
    if kind == "puzzles":
        for puzzle in puzzles_of_lines(numbered, name, columns):
            yield from [puzzle] if isinstance(puzzle, EntryFault) else _puzzle_labels(puzzle)
        return
    parse = {"all": _parse_all, "top4": _parse_top4}[kind]
    for number, line in numbered:
        try:
            if line:
                yield parse(line)
        except ValueError as error:
            yield EntryFault(name, number, "", " ".join(str(error).split()))


def read_boards(path: Path) -> Iterator[chess.Board]:
    """Yields every position that a file of labels shows, whatever its format.

    Puzzle files are known by a name in `.csv`; each position of a puzzle's line is shown, also those where the opponent
    is to move. A yielded board is only valid until the next one.

    Raises:
      FileError: the file cannot be read.
      LabelError: a line is malformed.
    """
    if plain_suffix(path) == ".csv":
        for puzzle in read_puzzles(path):
            if isinstance(puzzle, EntryFault):
                raise LabelError(str(puzzle))
            yield from puzzle.boards()
        return
    with TextFile(path, "labels") as file:
        for number, line in enumerate(file.lines(), 1):
            try:
                if line:
                    yield _board(_fields(line, 2)[1])
            except ValueError as error:
                raise LabelError(f"{path}, line {number}: {' '.join(str(error).split())}") from error


def packable(board: chess.Board) -> chess.Board:
    """Returns a position as packing will read it from its line in a file of labels.

    Raises:
      ValueError: one line: the line would be refused when it is packed.
    """
    if board.has_chess960_castling_rights():
        raise ValueError(f"expected a position of chess, got one in which castling is that of Chess960: {board.fen()}")
    read = _board(board.fen(en_passant="legal"))
    encode_position(read)
    for move in _legal_moves(read):
        move_to_cell(read, move)
    return read


def all_values_line(group: str, fen: str, values: Iterable[float]) -> str:
    """Returns a line of the `all` format, with its end.

    Args:
      group: name of the game.
      fen: of the position.
      values: expected scores of the legal moves, in the order of their UCI text.
    """
    numbers = [max(0, min(_LARGEST_PAIR, round(value * _LARGEST_PAIR))) for value in values]
    pairs = "".join(_DIGITS[number >> 6] + _DIGITS[number & 63] for number in numbers)
    return f"{group}\t{fen}\t{pairs}\n"


def _parse_all(line: str) -> LabelledPosition:
    group, fen, text = _fields(line, 3)
    board = _board(fen)
    moves = _legal_moves(board)
    digits = _DIGIT_VALUE[np.frombuffer(text.encode(), np.uint8)]
    if len(digits) != 2 * len(moves):
        raise ValueError(f"expected 2 characters for each of {len(moves)} legal moves, got {len(text)}")
    if digits.min() < 0:
        raise ValueError(f"expected values in the alphabet 0-9A-Za-z-_, got {text!r}")
    return LabelledPosition(group, board, moves, (digits[::2] * 64 + digits[1::2]) / _LARGEST_PAIR)


def _parse_top4(line: str) -> LabelledPosition:
    group, fen, text = _fields(line, 3)
    board = _board(fen)
    moves = _legal_moves(board)
    index = {move.uci(): number for number, move in enumerate(moves)}
    items = text.split()
    if len(items) != min(4, len(moves)):
        raise ValueError(f"expected {min(4, len(moves))} listed moves, got {text!r}")
    values = np.full(len(moves), np.nan)
    depths = np.full(len(moves), -1)
    for item in items:
        parts = item.split(":")
        if len(parts) != 3 or parts[0] not in index:
            raise ValueError(f"expected uci:score:depth of a legal move, got {item!r}")
        move, depth = index[parts[0]], int(parts[2])
        # A search cut off by its node limit can list a move twice, once with the score of the
        # iteration before: the deeper one counts.
        if depth > depths[move]:
            values[move], depths[move] = score_to_value(int(parts[1])), depth
    listed = depths >= 0
    values[~listed] = max(values[listed].min() - UNLISTED_BELOW, 0.0)
    return LabelledPosition(group, board, moves, values)


def _puzzle_labels(puzzle: Puzzle) -> Iterator[LabelledPosition]:
    board = chess.Board(puzzle.fen)
    for opponent, solver in zip(puzzle.moves[::2], puzzle.moves[1::2], strict=True):
        board.push(opponent)
        moves = _legal_moves(board)
        right = {solver, *mating_moves(board, moves)}
        values = np.array([float(move in right) for move in moves])
        yield LabelledPosition(puzzle.puzzle_id, board.copy(), moves, values)
        board.push(solver)


def _fields(line: str, at_least: int) -> list[str]:
    fields = line.split("\t")
    if len(fields) < at_least or not fields[0]:
        raise ValueError(f"expected {at_least} fields separated by '\\t', got {line[:80]!r}")
    return fields


def _board(fen: str) -> chess.Board:
    board = chess.Board(fen)
    if board.king(chess.WHITE) is None or board.king(chess.BLACK) is None:
        raise ValueError(f"expected a position with both kings, got {fen!r}")
    return board


def _legal_moves(board: chess.Board) -> list[chess.Move]:
    moves = sorted(board.legal_moves, key=chess.Move.uci)
    if not moves:
        raise ValueError(f"expected a position with a legal move, got {board.fen()!r}")
    return moves
