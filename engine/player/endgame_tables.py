"""Reads the verdict of Syzygy endgame tables on every move of a position.

The tables hold, for a position with few pieces, the result with best play and the distance to zeroing (DTZ): the
half-moves until the side that wins captures, moves a pawn or mates, by which the fifty-move rule is kept away.
"""

import os
import struct
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import chess
import chess.syzygy

from engine.player.choice import is_drawn_by_rule, position_after

# A stored distance may be one too small (it is halved where that saves space), so the last half-move is not relied on.
_SAFE_PLIES = 99
# A table is missing, cannot be read, or is cut short: the network plays on without it.
_UNUSABLE = (KeyError, OSError, ValueError, IndexError, AssertionError, struct.error)


class TablesError(ValueError):
    """Reports that no table can be used; the text is one line."""


class MissingFoldersError(TablesError):
    """Reports that none of the folders named exists."""


class Verdict(NamedTuple):
    """Holds the outcome after a move with best play, for the side that makes it."""

    outcome: int  # 2 win, 1 win but for the fifty-move rule, 0 draw, -1 loss but for that rule, -2 loss
    plies: int  # half-moves to zeroing, this move among them; 0 where nothing is won, or it is not known

    @property
    def wdl(self) -> tuple[float, float, float]:
        """Win, draw and loss probability, the fifty-move rule in force."""
        return (float(self.outcome == 2), float(abs(self.outcome) < 2), float(self.outcome == -2))


class EndgameTables:
    """Reads tables in one or more folders, which are opened as they are needed."""

    def __init__(self, folders: str) -> None:
        """Finds the tables; `problems` then holds one line for each folder that cannot be read.

        Args:
          folders: paths, separated as the system separates paths in a list; spaces around them do not count.

        Raises:
          MissingFoldersError: none of the folders exists.
          TablesError: no folder holds a table.
        """
        self._tables = chess.syzygy.Tablebase()
        failures: dict[str, Exception] = {}
        names = [name for part in folders.split(os.pathsep) if (name := part.strip())]
        for name in names:
            try:
                self._tables.add_directory(os.path.expanduser(name))
            except (OSError, ValueError) as error:
                failures[name] = error
        self.problems = [_problem(name, error) for name, error in failures.items()]
        # A table's name has one letter a piece and a `v`: KRvK.
        self.largest = max((len(name) - 1 for name in self._tables.wdl), default=0)
        if not self.largest:
            if all(isinstance(failures.get(name), FileNotFoundError) for name in names):
                raise MissingFoldersError(f"SyzygyPath {ascii(folders)} does not exist; no endgame tables are used")
            raise TablesError("; ".join(self.problems) or _problem(folders, ValueError("no such file is there")))

    def verdicts(self, board: chess.Board) -> dict[chess.Move, Verdict]:
        """Returns the verdict on every legal move; empty unless the tables know all of them.

        Args:
          board: any position; its half-move clock and repetitions count.
        """
        if chess.popcount(board.occupied) > self.largest or board.castling_rights:
            return {}
        try:
            return {move: self._verdict(board, move) for move in board.legal_moves}
        except _UNUSABLE:
            return {}

    def close(self) -> None:
        """Releases the files."""
        self._tables.close()

    def _verdict(self, board: chess.Board, move: chess.Move) -> Verdict:
        after = position_after(board, move)
        if after.is_checkmate():
            return Verdict(2, 1)
        if is_drawn_by_rule(after):
            return Verdict(0, 0)
        outcome = -self._tables.probe_wdl(after)
        if outcome == 0:
            return Verdict(0, 0)
        if after.halfmove_clock == 0:  # the clock starts again, so the table's result holds as it is
            return Verdict(outcome, 1)
        distance = self._tables.get_dtz(after)
        if distance is None:
            return Verdict(outcome, 0)
        plies = abs(distance) + 1
        in_time = plies + board.halfmove_clock <= _SAFE_PLIES
        return Verdict((2 if in_time else 1) * (1 if outcome > 0 else -1), plies)


def best_by_tables(ranked: Sequence[chess.Move], verdicts: Mapping[chess.Move, Verdict]) -> list[chess.Move]:
    """Returns the moves with the best verdict, in their order; all moves where there are no verdicts.

    Best is the outcome; then, winning, the shortest way to zeroing, losing, the longest.

    Args:
      ranked: legal moves, at least one.
      verdicts: of all these moves, or empty.
    """
    if not verdicts:
        return list(ranked)
    worth = {move: _worth(verdicts[move]) for move in ranked}
    return [move for move in ranked if worth[move] == max(worth.values())]


def _worth(verdict: Verdict) -> tuple[int, int]:
    return verdict.outcome, -verdict.plies if verdict.outcome > 0 else verdict.plies


def _problem(folder: str, error: Exception) -> str:
    reason = getattr(error, "strerror", None) or error
    return f"expected a folder with Syzygy tables for SyzygyPath, got {ascii(folder)} ({reason})"
