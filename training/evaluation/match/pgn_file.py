"""Writes the games of a match to a PGN file in their order, whichever ends first."""

import math
from pathlib import Path
from types import TracebackType

from training.evaluation.failures import EvaluationError
from training.evaluation.match.game import MatchGame
from training.evaluation.match.pgn_output import game_to_pgn


class PgnFile:
    """Writes each game once it and all before it have ended; a context manager.

    Args:
      path: overwritten; None to write nothing.
      event: the Event header.
      limits: what a move costs the first and the second player.

    Raises:
      EvaluationError: the file cannot be written.
    """

    def __init__(self, path: Path | None, event: str, limits: tuple[str, str]) -> None:
        self._event = event
        self._limits = limits
        self._next = 1
        self._early: dict[int, MatchGame] = {}
        try:
            self._file = None if path is None else path.open("w", encoding="utf-8")
        except OSError as error:
            raise EvaluationError(f"expected a writable file for PGN, got {path}: {error.strerror}") from error

    def add(self, game: MatchGame, last_number: float = math.inf) -> None:
        """Writes the game, or keeps it until its turn.

        Args:
          game: a finished game.
          last_number: of the game with which the match ends, as far as that is known.
        """
        self._early[game.number] = game
        while self._next in self._early and self._next <= last_number:
            self._write(self._early.pop(self._next))
            self._next += 1

    def write_the_rest(self) -> None:
        """Writes the games that wait for an earlier one, when the match is interrupted."""
        for _, game in sorted(self._early.items()):
            self._write(game)
        self._early.clear()

    def __enter__(self) -> "PgnFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def _write(self, game: MatchGame) -> None:
        if self._file is not None:
            self._file.write(game_to_pgn(game, self._event, self._limits))
            self._file.flush()
