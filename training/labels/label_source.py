"""Defines a source of positions to label: what it is given, and what it yields.

A source is an object that can be sent to another process. There it yields labelled positions, game by game; it asks the
teacher itself, since what it visits next may depend on the answer.
"""

import hashlib
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import chess
import numpy as np

from engine.files.skipped_entries import EntryFault, Skipped
from training.labels.label_formats import LabelError, packable

MoveValues = Callable[[str], Mapping[str, float]]  # the teacher: FEN to UCI text to expected score
# The teacher on some moves: FEN, values of all moves, those to be searched, nodes for each of them, to values of all.
WithMovesSearched = Callable[[str, Mapping[str, float], Sequence[str], int], Mapping[str, float]]


def position_key(fen: str) -> int:
    """Returns a number for pieces, side to move, castling and en passant; the same in every process."""
    position = " ".join(fen.split()[:4])
    return int.from_bytes(hashlib.blake2b(position.encode(), digest_size=8).digest(), "big")


class KnownPositions:
    """Holds a set of positions, without their counters; it grows and can be sent to other processes.

    Args:
      keys: of the positions known from the start, as `position_key` makes them.
    """

    def __init__(self, keys: Iterable[int] = ()) -> None:
        self._first = np.array(sorted(set(keys)), np.uint64)
        self._added: set[int] = set()

    def __contains__(self, key: int) -> bool:
        place = int(np.searchsorted(self._first, np.uint64(key)))
        found = place < len(self._first) and int(self._first[place]) == key
        return found or key in self._added

    def __len__(self) -> int:
        return len(self._first) + len(self._added)

    def added(self) -> np.ndarray:
        """Returns the keys that were added after the first ones: `[N]` uint64."""
        return np.fromiter(self._added, np.uint64, len(self._added))

    def add(self, key: int) -> bool:
        """Adds a position; returns whether it is new."""
        if key in self:
            return False
        self._added.add(key)
        return True

    def add_fen(self, fen: str) -> bool:
        """Adds a position given by its FEN; returns whether it is new."""
        return self.add(position_key(fen))


def _refuse(skipped: Skipped) -> None:
    if isinstance(skipped, EntryFault):
        raise LabelError(str(skipped))


class Visit(NamedTuple):
    """Holds a position with the teacher's values of all its legal moves."""

    fen: str  # with the en-passant square only when such a capture is legal
    values: Sequence[float]  # expected scores for the side to move, moves in the order of their UCI text


class LabelledGame(NamedTuple):
    """Holds positions of one group: all those of a game, or the next ones."""

    group: str
    visits: Sequence[Visit]


@dataclass(frozen=True, kw_only=True)
class LabelWorker:
    """Gives a source what it needs in one of several labelling processes.

    Attributes:
      seed: decides, with other numbers, all that is random.
      number: of this process, counted from 0.
      processes: how many there are.
      first_game: the first game that this process has not played in an earlier call.
      move_values: the teacher's expected scores of the moves of a position.
      with_moves_searched: the teacher's values of some moves by one search, beside others made before.
      new_game: makes the teacher forget; costly, so once a game and not once a position.
      known: positions that are not labelled again.
      skip: is told of entries of files that cannot be used.
    """

    seed: int
    number: int
    processes: int
    move_values: MoveValues
    with_moves_searched: WithMovesSearched
    new_game: Callable[[], None]
    first_game: int = 0
    known: KnownPositions = field(default_factory=KnownPositions)
    skip: Callable[[Skipped], None] = _refuse

    def rng(self, game: int) -> random.Random:
        """Returns the random numbers of one of this process's games."""
        return random.Random(f"{self.seed}.{self.number}.{game}")

    def visit(self, board: chess.Board) -> Visit | None:
        """Has the teacher value all legal moves, of which there is at least one.

        Returns:
          None when the teacher leaves moves out, as some do when one is forced.

        Raises:
          ValueError: the position would be refused when it is packed.
        """
        fen = packable(board).fen(en_passant="legal")
        by_move = self.move_values(fen)
        moves = sorted(move.uci() for move in board.legal_moves)
        if any(move not in by_move for move in moves):
            return None
        return Visit(fen, [by_move[move] for move in moves])


class LabelSource(Protocol):
    """Yields labelled positions."""

    @property
    def prefix(self) -> str:
        """The prefix of the process number in the names of games, which tells sources apart."""
        ...

    @property
    def is_endless(self) -> bool:
        """Whether every worker can have as many games as it likes; otherwise the workers divide what there is."""
        ...

    def games(self, worker: LabelWorker) -> Iterator[LabelledGame]:
        """Yields this process's labelled positions.

        Raises:
          ValueError: one line about a file or a network that cannot be used.
        """
        ...


def group_name(worker: LabelWorker, prefix: str, game: int) -> str:
    """Returns the group of a game, from which a later call sees which games were played."""
    return f"{worker.seed}.{prefix}{worker.number}.{game}"
