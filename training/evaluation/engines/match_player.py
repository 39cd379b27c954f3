"""Defines what a match asks of a player, and the uniform random player."""

import random
from dataclasses import dataclass
from typing import Protocol

import chess

from training.evaluation.engines.time_control import NO_CLOCKS, ClockFace, TimeControl


@dataclass(frozen=True, kw_only=True)
class Thought:
    """Holds what a player reported about its move.

    Attributes:
      elapsed_s: seconds from the question to the answer.
      score_cp: hundredths of a pawn for the mover; None without a score, or with a mate.
      mate: moves to mate, negative when the mover is mated; None without.
      depth: plies.
      nodes: positions searched.
    """

    elapsed_s: float = 0.0
    score_cp: int | None = None
    mate: int | None = None
    depth: int | None = None
    nodes: int | None = None


@dataclass(frozen=True, kw_only=True)
class ChosenMove:
    """Holds a move and the thought behind it."""

    move: chess.Move
    thought: Thought = Thought()


class MatchPlayer(Protocol):
    """Plays whole games."""

    @property
    def name(self) -> str:
        """The name shown in reports and PGN."""
        ...

    @property
    def time_control(self) -> TimeControl | None:
        """The clock this player has; None if each move is limited by itself."""
        ...

    @property
    def margin_s(self) -> float:
        """Seconds by which the player may overstep its time."""
        ...

    def start_game(self, number: int) -> None:
        """Makes the player ready for the first move of a new game, also after a failure.

        Args:
          number: of the game in its match; all that is random in a game depends on this number alone.
        """
        ...

    def choose_move(self, board: chess.Board, clocks: ClockFace = NO_CLOCKS) -> ChosenMove:
        """Returns a move for a board with legal moves and its history in `move_stack`.

        Args:
          board: left unchanged.
          clocks: what the clocks of the game show.

        Raises:
          MoveFailure: there is no legal move to return.
          Resignation: the player gives up.
        """
        ...

    def close(self) -> None:
        """Frees the player's resources, even while it thinks; it is not used afterwards."""
        ...


class RandomPlayer:
    """Draws every move uniformly from the legal moves.

    Args:
      seed: fixes, with the number of the game, the sequence of draws.
    """

    name = "uniform random mover"
    time_control: TimeControl | None = None
    margin_s = 0.0

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._generator = random.Random(seed)

    def start_game(self, number: int) -> None:
        """Starts the draws of this game, so that games differ and can be repeated one by one."""
        self._generator = random.Random(f"{self._seed} {number}")

    def choose_move(self, board: chess.Board, clocks: ClockFace = NO_CLOCKS) -> ChosenMove:
        """Returns a uniformly drawn legal move."""
        del clocks
        return ChosenMove(move=self._generator.choice(sorted(board.legal_moves, key=chess.Move.uci)))

    def close(self) -> None:
        """Does nothing."""
