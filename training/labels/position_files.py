"""Takes the positions to label from files: PGN games, FEN or EPD lines, Lichess puzzles, labels made before.

The end of a file's name, apart from that of compression, says what it holds, or else its first lines:

    .pgn         games, of which the positions of the main line are taken
    .csv         puzzles, of which every position after the set-up move is taken, also after solver moves
    .tsv         labels of any kind (group TAB fen TAB ...), made anew
    .epd, .fen   a position a line

A share of the positions can be drawn, and of these a share left by one random legal move, as masters' games hardly show
what punishes a bad move. Draws depend on the place in the file alone, so a later call meets the same positions.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import chess

from engine.files.file_kind import file_kind
from engine.files.pgn_games import PgnGame, read_games
from engine.files.position_lines import Position, read_fen, read_positions
from engine.files.puzzle_lines import Puzzle, read_puzzles
from engine.files.skipped_entries import EmptyGame, EntryFault, Skipped
from engine.files.text_file import shown_name, text_lines
from training.labels.label_source import LabelledGame, LabelWorker, Visit
from training.labels.noisy_games import push_random


@dataclass(frozen=True, kw_only=True)
class PositionFiles:
    """Takes positions from files, except those with a single legal move.

    Attributes:
      paths: the files, read one after the other.
      share: share of the positions that is taken.
      aside: share of those that is left by a random legal move.
    """

    paths: tuple[Path, ...]
    share: float = 1.0
    aside: float = 0.0
    prefix = "@"
    is_endless = False

    def __post_init__(self) -> None:
        """Raises ValueError for a number out of range."""
        for name in ("share", "aside"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"expected {name} in 0..1, got {getattr(self, name)}")

    def games(self, worker: LabelWorker) -> Iterator[LabelledGame]:
        """Yields this process's part of the games, puzzles and lines, until the files end.

        What cannot be read, or labelled as chess, goes to the worker's `skip`.

        Raises:
          FileError: a file cannot be read.
        """
        for path in self.paths:
            name = Path(shown_name(path)).name.split(".")[0]
            for item in read_items(path, worker.number, worker.processes):
                if isinstance(item, EntryFault | EmptyGame):
                    worker.skip(item)
                    continue
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
    """Holds the positions of a game, puzzle or line of a file."""

    number: int  # in the file, from 1
    group: str  # whose positions belong together: packing never divides them between training and validation
    boards: list[chess.Board]


def read_items(path: Path, part: int, parts: int) -> Iterator[Item | Skipped]:
    """Yields every so-many-th game, puzzle or line of a file with its positions, each a board of its own.

    Args:
      path: the file.
      part: which of the parts, counted from 0.
      parts: in how many parts the file is divided.

    Yields:
      Also what cannot be read, or is no position that can be labelled.

    Raises:
      FileError: the file cannot be read.
    """
    kind = file_kind(path)
    if kind == "games":
        entries: Iterator[Item | Skipped] = (_of_game(game, path) for game in read_games(path, part, parts))
    elif kind == "puzzles":
        entries = (_of_puzzle(puzzle) for puzzle in read_puzzles(path, part, parts))
    elif kind == "labels":
        entries = _label_items(path, part, parts)
    else:
        entries = (_of_position(position, path) for position in read_positions(path, part, parts))
    return entries


def _of_game(game: PgnGame | Skipped, path: Path) -> Item | Skipped:
    if not isinstance(game, PgnGame):
        return game
    board = game.start.copy()
    boards = []
    for move in (*game.moves, None):
        if not board.has_chess960_castling_rights():
            boards.append(_plain(board))
        if move is not None:
            board.push(move)
    number = f"game {game.number}"
    if boards:
        return Item(game.number, str(game.number), boards)
    return EntryFault(shown_name(path), game.line, number, "expected castling as in chess, got that of Chess960")


def _of_puzzle(puzzle: Puzzle | EntryFault) -> Item | Skipped:
    if isinstance(puzzle, EntryFault):
        return puzzle
    boards = [board.copy(stack=False) for board in puzzle.boards()]
    return Item(puzzle.line, str(puzzle.line), boards[1:])


def _of_position(position: Position | EntryFault, path: Path) -> Item | Skipped:
    if isinstance(position, EntryFault):
        return position
    return _item(position.line, str(position.line), position.board, path)


def _label_items(path: Path, part: int, parts: int) -> Iterator[Item | Skipped]:
    for number, line in enumerate(text_lines(path, "labels"), 1):
        if number % parts != part or not line.strip() or line.startswith("#"):
            continue
        fields = line.split("\t")
        try:
            if len(fields) < 2:
                raise ValueError(f"expected a label as group TAB fen TAB values, got {line[:80]!r}")
            # Labels made before are of games, and stay together as they were.
            yield _item(number, fields[0], read_fen(fields[1]), path)
        except ValueError as error:
            yield EntryFault(shown_name(path), number, "", str(error))


def _item(number: int, group: str, board: chess.Board, path: Path) -> Item | Skipped:
    """Returns a line's position; one that ends the game is an item too, and is left out later."""
    if board.has_chess960_castling_rights():
        reason = f"expected castling as in chess, got that of Chess960: {board.fen()}"
        return EntryFault(shown_name(path), number, "", reason)
    return Item(number, group, [_plain(board)])


def _plain(board: chess.Board) -> chess.Board:
    """Returns a copy without history; one of Chess960 in which nobody may castle becomes one of chess."""
    copy = board.copy(stack=False)
    copy.chess960 = False
    return copy
