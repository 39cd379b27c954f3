"""Values every legal move by another UCI engine, to compare the policy with."""

import math
import shutil
import threading
from dataclasses import dataclass

import chess

from engine.engine_command import join_words, split_words
from engine.player.score import LOGISTIC_PER_CP
from engine.uci_client import MoveScore, TeacherError, UciClient

# Debian and Ubuntu install games outside the PATH of many accounts.
_STOCKFISH = ("stockfish", "/usr/games/stockfish")
_PATIENCE_S = 10.0  # beyond the time of a search


@dataclass(frozen=True, kw_only=True)
class MoveValue:
    """Holds a teacher's verdict on one move, in the view of the side that makes it.

    Attributes:
      move: in UCI text.
      score_cp: centipawns, None for a forced mate.
      mate: moves to mate, negative when mated, else None.
      expected_score: points expected, 0..1; from centipawns by Lichess's curve.
      depth: of the search.
    """

    move: str
    score_cp: int | None
    mate: int | None
    expected_score: float
    depth: int


def installed_teacher() -> str | None:
    """Returns the command of the Stockfish installed here, None without one."""
    return next((join_words([found]) for name in _STOCKFISH if (found := shutil.which(name))), None)


class Teacher:
    """Runs a UCI engine, started when it is first asked; for use by several threads.

    Args:
      command: program and arguments in one line.
      budget_s: time for one position.

    Raises:
      TeacherError: the command is not one.
    """

    def __init__(self, command: str, budget_s: float = 0.5) -> None:
        try:
            self._command = split_words(command)
        except ValueError as error:
            raise TeacherError(f"expected a command for the teacher, got {command!r} ({error})") from None
        if not self._command or shutil.which(self._command[0]) is None:
            raise TeacherError(f"expected a program for the teacher, got {command!r}")
        self._budget_s = budget_s
        self._lock = threading.Lock()
        self._client: UciClient | None = None

    def values(self, board: chess.Board) -> tuple[str, list[MoveValue]]:
        """Returns the teacher's name and its values of all legal moves, best first.

        Raises:
          TeacherError: it cannot be started, or it ended; the next call starts it again.
        """
        with self._lock:
            try:
                if self._client is None:
                    self._client = UciClient(self._command, {})
                lines = min(board.legal_moves.count(), self._client.most_lines)
                limit = f"movetime {round(1000 * self._budget_s)}"
                scores = self._client.scores(_position(board), limit, lines, self._budget_s + _PATIENCE_S)
            except TeacherError:
                self._stop()
                raise
            return self._client.name, [_value(score) for score in scores]

    def close(self) -> None:
        """Ends its process."""
        with self._lock:
            self._stop()

    def _stop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


def _position(board: chess.Board) -> str:
    """Returns what follows the command `position`: the start and the moves, which hold the repetitions."""
    moves = " ".join(move.uci() for move in board.move_stack)
    return f"fen {board.root().fen()}" + (f" moves {moves}" if moves else "")


def _value(score: MoveScore) -> MoveValue:
    if score.mate is not None:
        expected = float(score.mate > 0)
    else:
        expected = 1.0 / (1.0 + math.exp(-LOGISTIC_PER_CP * (score.score_cp or 0)))
    return MoveValue(
        move=score.move,
        score_cp=score.score_cp,
        mate=score.mate,
        expected_score=round(expected, 4),
        depth=score.depth,
    )
