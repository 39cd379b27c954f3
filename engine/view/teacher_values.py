"""What another UCI engine thinks of every legal move, to compare the policy with."""

import math
import shlex
import shutil
import threading
from dataclasses import dataclass
from typing import Any

import chess
import chess.engine

from engine.player.score import LOGISTIC_PER_CP

# Debian and Ubuntu install games outside the PATH of many accounts.
_STOCKFISH = ("stockfish", "/usr/games/stockfish")


class TeacherError(ValueError):
    """The teacher cannot be started or does not answer; the text is one line."""


@dataclass(frozen=True, kw_only=True)
class MoveValue:
    """A teacher's verdict on one move, in the view of the side that makes it.

    Attributes:
      move: in UCI text.
      score_cp: centipawns, None when the move mates or is mated.
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
    """Returns the command of the Stockfish on this machine, if there is one."""
    return next((shlex.quote(found) for name in _STOCKFISH if (found := shutil.which(name))), None)


class Teacher:
    """A UCI engine in its own process, started when it is first asked; for use by several threads.

    Args:
      command: program and arguments, as a shell would read them.
      budget_s: time for one position.

    Raises:
      TeacherError: the command is not one.
    """

    def __init__(self, command: str, budget_s: float = 0.5) -> None:
        try:
            self._command = shlex.split(command)
        except ValueError as error:
            raise TeacherError(f"expected a command for the teacher, got {command!r} ({error})") from None
        if not self._command or shutil.which(self._command[0]) is None:
            raise TeacherError(f"expected a program for the teacher, got {command!r}")
        self._budget_s = budget_s
        self._lock = threading.Lock()
        self._engine: chess.engine.SimpleEngine | None = None

    def values(self, board: chess.Board) -> tuple[str, list[MoveValue]]:
        """Returns the teacher's name and its values of all legal moves, best first.

        Raises:
          TeacherError: it cannot be started, or it ended; the next call starts it again.
        """
        with self._lock:
            try:
                if self._engine is None:
                    self._engine = chess.engine.SimpleEngine.popen_uci(self._command, timeout=10.0)
                limit = chess.engine.Limit(time=self._budget_s)
                lines = self._engine.analyse(board, limit, multipv=board.legal_moves.count())
                return str(self._engine.id.get("name", self._command[0])), [
                    _value(line) for line in lines if "pv" in line
                ]
            except (chess.engine.EngineError, TimeoutError, OSError) as error:
                self._stop()
                raise TeacherError(f"expected an answer of the teacher {self._command[0]}, got: {error}") from None

    def close(self) -> None:
        """Ends its process."""
        with self._lock:
            self._stop()

    def _stop(self) -> None:
        if self._engine is not None:
            self._engine.close()
            self._engine = None


def _value(line: Any) -> MoveValue:
    score = line["score"].relative
    cp, mate = score.score(), score.mate()
    expected = 1.0 / (1.0 + math.exp(-LOGISTIC_PER_CP * cp)) if cp is not None else float(mate > 0)
    return MoveValue(
        move=line["pv"][0].uci(), score_cp=cp, mate=mate, expected_score=round(expected, 4), depth=line.get("depth", 0)
    )
