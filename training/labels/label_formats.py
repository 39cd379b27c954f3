"""The text formats of labelled positions, read line by line: all-move values, best four, puzzles.

    all       group TAB fen TAB values      two characters a legal move, moves in order of UCI text
    top4      group TAB fen TAB uci:score:depth, separated by spaces
    puzzles   id,fen,moves,...              the first move is the opponent's, then they alternate;
                                            a puzzle is its own group

In a top4 line a move may be listed twice; the deeper verdict counts, the first of equally deep
ones. Moves that are not listed lie 0.05 below the worst that is. Files may be compressed with xz.
Every value is the expected score in [0, 1] of the side to move.
"""

import lzma
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Literal, NamedTuple, cast, get_args

import chess
import numpy as np

from training.labels.expected_score import score_to_value
from training.labels.mating_moves import mating_moves

LabelKind = Literal["all", "top4", "puzzles"]
LABEL_KINDS: tuple[LabelKind, ...] = get_args(LabelKind)
UNLISTED_BELOW = 0.05  # how far moves outside the best four lie below the worst that is listed
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"
_DIGIT_VALUE = np.full(256, -1, np.int32)
_DIGIT_VALUE[np.frombuffer(_DIGITS.encode(), np.uint8)] = np.arange(64)
_LARGEST_PAIR = 64 * 64 - 1


class LabelError(ValueError):
    """A file of labels is not what its format says; the text is one line and names the place."""


class LabelledPosition(NamedTuple):
    """A position with the expected score of each of its legal moves.

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
      path: a text file, compressed when its name ends in `.xz`.
      kind: the format of its lines.

    Raises:
      LabelError: the file cannot be read, or a line is malformed.
    """
    file, stored = open_binary(path)
    with stored:
        yield from parse_lines(kind, str(path), 1, read_lines(file, path))


def parse_lines(kind: LabelKind, name: str, first_line: int, lines: Iterable[bytes]) -> Iterator[LabelledPosition]:
    """Yields the labelled positions of consecutive lines of a file.

    Args:
      kind: the format of the lines.
      name: the file's name, for errors.
      first_line: number of the first of the lines, counted from 1.
      lines: the lines, with or without their ends; empty ones and a puzzle file's header pass.

    Raises:
      LabelError: a line is malformed.
    """
    parse = {"all": _parse_all, "top4": _parse_top4, "puzzles": _parse_puzzle}[kind]
    for number, raw in enumerate(lines, first_line):
        try:
            line = raw.decode().rstrip("\r\n")
            if line and not _is_header(number, line):
                yield from parse(line)
        except ValueError as error:
            raise LabelError(f"{name}, line {number}: {_one_line(error)}") from error


def read_boards(path: Path) -> Iterator[chess.Board]:
    """Yields every position that a file of labels shows, whatever its format.

    Puzzle files are known by a name in `.csv`; each position of a puzzle's line is shown, also
    those where the opponent is to move. A yielded board is only valid until the next one.

    Raises:
      LabelError: the file cannot be read, or a line is malformed.
    """
    is_puzzles = ".csv" in path.suffixes
    file, stored = open_binary(path)
    with stored:
        for number, raw in enumerate(read_lines(file, path), 1):
            try:
                line = raw.decode().rstrip("\r\n")
                if not line or _is_header(number, line):
                    continue
                if not is_puzzles:
                    yield _board(_fields(line, "\t", 2)[1])
                    continue
                _, fen, moves = _fields(line, ",", 3)[:3]
                board = _board(fen)
                yield board
                for uci in moves.split():
                    board.push_uci(uci)
                    yield board
            except ValueError as error:
                raise LabelError(f"{path}, line {number}: {_one_line(error)}") from error


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


def open_binary(path: Path, content: str = "labels") -> tuple[IO[bytes], IO[bytes]]:
    """Opens a file for reading, decompressing it when its name ends in `.xz`.

    Args:
      path: the file.
      content: what it should hold, for the message.

    Returns:
      The stream of lines, and the file as stored, whose position tells how far the reading is.
      Closing the second is enough.

    Raises:
      LabelError: the file cannot be opened.
    """
    try:
        stored = path.open("rb")
    except OSError as error:
        raise LabelError(f"expected a file of {content}, got {path}: {error.strerror}") from error
    lines = cast(IO[bytes], lzma.open(stored)) if path.suffix == ".xz" else stored
    return lines, stored


def read_lines(file: IO[bytes], path: Path) -> Iterator[bytes]:
    """Yields the lines of an open file.

    Raises:
      LabelError: the file ends too early or is no xz file although its name says so.
    """
    try:
        yield from file
    except (lzma.LZMAError, EOFError, OSError) as error:
        raise LabelError(f"expected a readable file of labels, got {path}: {error}") from error


def _parse_all(line: str) -> Iterator[LabelledPosition]:
    group, fen, text = _fields(line, "\t", 3)
    board = _board(fen)
    moves = _legal_moves(board)
    digits = _DIGIT_VALUE[np.frombuffer(text.encode(), np.uint8)]
    if len(digits) != 2 * len(moves):
        raise ValueError(f"expected 2 characters for each of {len(moves)} legal moves, got {len(text)}")
    if digits.min() < 0:
        raise ValueError(f"expected values in the alphabet 0-9A-Za-z-_, got {text!r}")
    yield LabelledPosition(group, board, moves, (digits[::2] * 64 + digits[1::2]) / _LARGEST_PAIR)


def _parse_top4(line: str) -> Iterator[LabelledPosition]:
    group, fen, text = _fields(line, "\t", 3)
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
    yield LabelledPosition(group, board, moves, values)


def _parse_puzzle(line: str) -> Iterator[LabelledPosition]:
    group, fen, text = _fields(line, ",", 3)[:3]
    board = _board(fen)
    played = text.split()
    if not played or len(played) % 2:
        raise ValueError(f"expected an even number of moves, the opponent's first, got {text!r}")
    for opponent_uci, solver_uci in zip(played[::2], played[1::2], strict=True):
        board.push_uci(opponent_uci)
        moves = _legal_moves(board)
        solution = chess.Move.from_uci(solver_uci)
        if solution not in moves:
            raise ValueError(f"expected a legal solver move, got {solver_uci!r} in {board.fen()}")
        right = {solution, *mating_moves(board, moves)}
        values = np.array([float(move in right) for move in moves])
        yield LabelledPosition(group, board.copy(), moves, values)
        board.push(solution)


def _is_header(number: int, line: str) -> bool:
    return number == 1 and line.startswith("PuzzleId,")


def _fields(line: str, separator: str, at_least: int) -> list[str]:
    fields = line.split(separator)
    if len(fields) < at_least or not fields[0]:
        raise ValueError(f"expected {at_least} fields separated by {separator!r}, got {line[:80]!r}")
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


def _one_line(error: ValueError) -> str:
    return " ".join(str(error).split())
