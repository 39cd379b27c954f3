"""What labelling asks of a source of positions, and what it gives to one.

A source is an object that can be sent to another process. There it yields labelled positions, game by game; it asks the
teacher itself, since what it visits next may depend on the answer.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import chess

from training.labels.known_positions import KnownPositions

MoveValues = Callable[[str], Mapping[str, float]]  # the teacher: FEN to UCI text to expected score
# The teacher on some moves: FEN, values of all moves, those to be searched, nodes for each of them, to values of all.
WithMovesSearched = Callable[[str, Mapping[str, float], Sequence[str], int], Mapping[str, float]]


class Visit(NamedTuple):
    """A position with the teacher's values of all its legal moves."""

    fen: str  # with the en-passant square only when such a capture is legal
    values: Sequence[float]  # expected scores for the side to move, moves in the order of their UCI text


class LabelledGame(NamedTuple):
    """Positions that belong to one group: all, or the next ones, of a game."""

    group: str
    visits: Sequence[Visit]


@dataclass(frozen=True, kw_only=True)
class LabelWorker:
    """One of several processes that label, as a source sees it.

    Attributes:
      seed: decides, with other numbers, all that is random.
      number: of this process, counted from 0.
      processes: how many there are.
      first_game: the first game that this process has not played in an earlier call.
      move_values: the teacher's expected scores of the moves of a position.
      with_moves_searched: the teacher's values of some moves by one search, beside others made before.
      new_game: makes the teacher forget; costly, so once a game and not once a position.
      known: positions that are not labelled again.
    """

    seed: int
    number: int
    processes: int
    move_values: MoveValues
    with_moves_searched: WithMovesSearched
    new_game: Callable[[], None]
    first_game: int = 0
    known: KnownPositions = field(default_factory=KnownPositions)

    def rng(self, game: int) -> random.Random:
        """Returns the random numbers of one of this process's games."""
        return random.Random(f"{self.seed}.{self.number}.{game}")

    def visit(self, board: chess.Board) -> Visit | None:
        """Lets the teacher value all the legal moves, of which there is at least one.

        Returns:
          None when the teacher leaves moves out, as some do when one is forced.
        """
        fen = board.fen(en_passant="legal")
        by_move = self.move_values(fen)
        moves = sorted(move.uci() for move in board.legal_moves)
        if any(move not in by_move for move in moves):
            return None
        return Visit(fen, [by_move[move] for move in moves])


class LabelSource(Protocol):
    """Where positions come from."""

    @property
    def prefix(self) -> str:
        """What stands before the number of the process in the names of games: it tells sources apart."""
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
