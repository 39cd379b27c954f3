"""Positions of files as a source of labelling: PGN games, FEN or EPD lines, Lichess puzzles, labels made before.

The end of a file's name, before `.xz`, says what it holds:

    .pgn   games, of which the positions of the main line are taken
    .csv   puzzles (id,fen,moves,...), of which every position after the set-up move is taken, also after solver moves
    .tsv   labels of any kind (group TAB fen TAB ...), made anew
    other  a position a line, as FEN or EPD

A share of the positions can be drawn, and of these a share left by one random legal move, as masters' games hardly show
what punishes a bad move. Draws depend on the place in the file alone, so a later call meets the same positions.
"""

import contextlib
import io
import lzma
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TextIO

import chess
import chess.pgn

from engine.pgn_games import read_game
from training.labels.label_formats import LabelError, open_binary, read_lines
from training.labels.label_source import LabelledGame, LabelWorker, Visit
from training.labels.noisy_games import push_random


@dataclass(frozen=True, kw_only=True)
class PositionFiles:
    """Files as a source of positions; positions with a single legal move are left out.

    Attributes:
      paths: the files, read one after the other.
      share: share of the positions that is taken.
      aside: share of those that is left by a random legal move.
    """

    paths: tuple[Path, ...]
    share: float = 1.0
    aside: float = 0.0
    prefix = "@"

    def __post_init__(self) -> None:
        """Raises ValueError for a number out of range."""
        for name in ("share", "aside"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"expected {name} in 0..1, got {getattr(self, name)}")

    def games(self, worker: LabelWorker) -> Iterator[LabelledGame]:
        """Yields this process's part of the games, puzzles and lines, until the files end.

        Raises:
          LabelError: a file cannot be read, or something in it is no position.
        """
        for path in self.paths:
            name = path.name.split(".")[0]
            for item in read_items(path, worker.number, worker.processes):
                visits = self._visits(worker, f"{worker.seed}.{name}.{item.number}", item.boards)
                if visits:
                    yield LabelledGame(f"{worker.seed}.{self.prefix}{name}.{item.group}", visits)

    def _visits(self, worker: LabelWorker, draw: str, boards: Sequence[chess.Board]) -> list[Visit]:
        rng = random.Random(draw)
        taken = [board for board in boards if rng.random() < self.share]
        for board in taken:
            push_random(rng, board, 1 if rng.random() < self.aside else 0)
        new = [
            board
            for board in taken
            if board.legal_moves.count() > 1 and worker.known.add_fen(board.fen(en_passant="legal"))
        ]
        return [visit for visit in map(worker.visit, new) if visit is not None]


class Item(NamedTuple):
    """A game, puzzle or line of a file."""

    number: int  # in the file, from 1
    group: str  # whose positions belong together: packing never divides them between training and validation
    boards: list[chess.Board]


def read_items(path: Path, part: int, parts: int) -> Iterator[Item]:
    """Yields every so-many-th game, puzzle or line of a file with its positions, each a board of its own.

    Args:
      path: the file.
      part: which of the parts, counted from 0.
      parts: in how many parts the file is divided.

    Raises:
      LabelError: the file cannot be read, or something in it is no position.
    """
    kind = Path(path.name.removesuffix(".xz")).suffix.lower()
    items = _pgn_items(path, part, parts) if kind == ".pgn" else _line_items(path, kind, part, parts)
    name = "game" if kind == ".pgn" else "line"
    for item in items:
        for board in item.boards:
            if not board.is_valid():
                raise LabelError(f"{path}, {name} {item.number}: expected a legal position, got {board.fen()}")
        yield item


def _line_items(path: Path, kind: str, part: int, parts: int) -> Iterator[Item]:
    file, stored = open_binary(path, "games or positions")
    with stored:
        for number, raw in enumerate(read_lines(file, path), 1):
            if number % parts != part:
                continue
            try:
                line = raw.decode().strip()
                if not line or line.startswith(("#", "PuzzleId,")):
                    continue
                # Labels made before are of games, and stay together as they were.
                group = line.split("\t")[0] if kind == ".tsv" else str(number)
                yield Item(number, group, _line_boards(line, kind))
            except ValueError as error:
                raise LabelError(f"{path}, line {number}: {' '.join(str(error).split())}") from error


def _line_boards(line: str, kind: str) -> list[chess.Board]:
    if kind == ".csv":
        fields = line.split(",")
        if len(fields) < 3:
            raise ValueError(f"expected a puzzle as id,fen,moves, got {line[:80]!r}")
        return _puzzle_boards(fields[1], fields[2].split())
    if kind == ".tsv":
        fields = line.split("\t")
        if len(fields) < 2:
            raise ValueError(f"expected a label as group TAB fen TAB values, got {line[:80]!r}")
        return [chess.Board(fields[1])]
    words = line.split()
    if len(words) < 4:
        raise ValueError(f"expected a position as FEN or EPD, got {line[:80]!r}")
    is_fen = len(words) >= 6 and words[4].isdecimal() and words[5].isdecimal()
    return [chess.Board(" ".join(words[:6] if is_fen else [*words[:4], "0", "1"]))]


def _puzzle_boards(fen: str, moves: Sequence[str]) -> list[chess.Board]:
    board = chess.Board(fen)
    boards = []
    for uci in moves:
        board.push_uci(uci)
        boards.append(board.copy(stack=False))
    return boards


def _pgn_items(path: Path, part: int, parts: int) -> Iterator[Item]:
    number = 0
    with _open_text(path) as stream:
        while True:
            number += 1
            if number % parts != part:
                if not chess.pgn.skip_game(stream):
                    return
                continue
            game = read_game(stream)
            if game is None:
                return
            if game.errors:
                raise LabelError(f"{path}, game {number}: expected legal moves, got {game.errors[0]}")
            nodes = (game, *game.mainline())
            yield Item(number, str(number), [node.board().copy(stack=False) for node in nodes])


@contextlib.contextmanager
def _open_text(path: Path) -> Iterator[TextIO]:
    file, stored = open_binary(path, "games or positions")
    with stored:
        try:
            with io.TextIOWrapper(file, encoding="utf-8", errors="replace") as stream:
                yield stream
        except (lzma.LZMAError, EOFError, OSError) as error:
            raise LabelError(f"expected a readable file of games, got {path}: {error}") from error
