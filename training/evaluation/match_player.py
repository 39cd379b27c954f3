"""What a match asks of a player, and how a player fails; the uniform random player."""

import random
from typing import Literal, Protocol

import chess

FaultKind = Literal["illegal move", "crash", "time loss"]
FAULT_KINDS: tuple[FaultKind, ...] = ("illegal move", "crash", "time loss")


class MoveFailure(Exception):
    """A player did not produce a legal move in time; in a game this is a loss, not a program error.

    Attributes:
      kind: what went wrong.
    """

    def __init__(self, kind: FaultKind, text: str) -> None:
        super().__init__(text)
        self.kind: FaultKind = kind


class MatchPlayer(Protocol):
    """A player of whole games."""

    @property
    def name(self) -> str:
        """The name shown in reports and PGN."""
        ...

    def start_game(self) -> None:
        """Makes the player ready for the first move of a new game, also after a failure."""
        ...

    def choose_move(self, board: chess.Board) -> chess.Move:
        """Returns a move for a board with legal moves and its history in `move_stack`.

        Raises:
          MoveFailure: there is no legal move to return.
        """
        ...

    def close(self) -> None:
        """Frees what the player holds; it is not used afterwards."""
        ...


class RandomPlayer:
    """Draws every move uniformly from the legal moves; the seed fixes the sequence of draws."""

    name = "uniform random mover"

    def __init__(self, seed: int) -> None:
        self._generator = random.Random(seed)

    def start_game(self) -> None:
        """Does nothing: draws go on from game to game, so that repeated openings still differ."""

    def choose_move(self, board: chess.Board) -> chess.Move:
        """Returns a uniformly drawn legal move."""
        return self._generator.choice(sorted(board.legal_moves, key=chess.Move.uci))

    def close(self) -> None:
        """Does nothing."""
