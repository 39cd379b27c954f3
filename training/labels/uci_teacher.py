"""Values every legal move of a position by a UCI engine.

The engine searches all moves in one MultiPV search to a fixed depth: with a limit of nodes the last iteration is cut
off, and the moves' scores come from different depths. The best few moves may then be searched again and deeper: that
tells the best move from the others far more reliably than the same time spent on all of them.
"""

import itertools
from collections.abc import Mapping, Sequence

import chess

from engine.uci_client import MOST_MOVES, MoveScore, TeacherError, UciClient
from training.labels.expected_score import cp_to_value, mate_to_value

_PROBE_PATIENCE_S = 30.0  # for a search of depth 1
_UNLISTED_BELOW = 0.01  # at least so far below the worst of them lie the others


class UciTeacher:
    """Runs the engine.

    Args:
      command: program and arguments.
      options: UCI options, except MultiPV.

    Raises:
      TeacherError: the program does not start or does not speak UCI with MultiPV.
    """

    def __init__(self, command: Sequence[str], options: Mapping[str, str]) -> None:
        self._client = UciClient(command, options, least_lines=MOST_MOVES)

    def check(self) -> None:
        """Raises TeacherError unless the engine values all moves of the starting position, in a search of depth 1."""
        try:
            scores = self._client.scores(f"fen {chess.STARTING_FEN}", "depth 1", MOST_MOVES, _PROBE_PATIENCE_S)
        except TeacherError:
            self.close()
            raise
        missing = {move.uci() for move in chess.Board().legal_moves} - {score.move for score in scores}
        if missing:
            self.close()
            raise TeacherError(
                "expected a teacher that values all 20 moves of the starting position, "
                f"got {self._client.name}, which left {len(missing)} out"
            )

    def new_game(self) -> None:
        """Clears the engine's memory; costly, so once per game rather than once per position."""
        self._client.new_game()

    def move_values(self, fen: str, depth: int) -> dict[str, float]:
        """Values the moves of a position.

        Args:
          fen: with at least one legal move.
          depth: of the search, in plies.

        Returns:
          Move in UCI text to expected score for the side to move, as `expected_score.py` defines it, of the last exact
          line of each move.
        """
        return self._search(fen, MOST_MOVES, f"depth {depth}")

    def with_best_moves_searched(
        self, fen: str, values: Mapping[str, float], nodes: int, lines: int
    ) -> dict[str, float]:
        """Values the best moves anew by a longer search.

        Args:
          fen: the position.
          values: of all moves, from a short search (`move_values`).
          nodes: of the longer search, which finds for itself what is best.
          lines: how many moves it lists. One alone is searched deepest and is most often the right one.

        Returns:
          The values of the listed moves by the longer search, of the others by the short one, at least a little below
          the worst of those listed: a move that the longer search left out is not better than what it listed.
        """
        best = self._search_nodes(fen, lines, f"nodes {nodes}")
        return _merged(values, best, min(best.values(), default=1.0) - _UNLISTED_BELOW)

    def with_moves_searched(
        self, fen: str, values: Mapping[str, float], moves: Sequence[str], nodes_per_move: int
    ) -> dict[str, float]:
        """Values some moves anew by one search of all of them.

        Args:
          fen: the position.
          values: of all moves.
          moves: those to be searched.
          nodes_per_move: of the search, times how many they are.

        Returns:
          The new values of the moves searched; the old ones of the others, at most the mean of those and a little below
          the best: a short search that took too good a view of a move did so of its like.
        """
        limit = f"nodes {nodes_per_move * len(moves)} searchmoves {' '.join(moves)}"
        searched = self._search_nodes(fen, len(moves), limit)
        mean = sum(searched.values()) / max(1, len(searched))
        return _merged(values, searched, min(mean, max(searched.values(), default=1.0) - _UNLISTED_BELOW))

    def _search_nodes(self, fen: str, lines: int, limit: str) -> dict[str, float]:
        """Returns the values of a search whose limit cuts its last iteration off."""
        listed = self._search(fen, lines, limit)
        # A place that the last iteration did not reach has its score of the one before: no move is worth more than
        # those that the engine puts before it.
        return dict(zip(listed, itertools.accumulate(listed.values(), min), strict=True))

    def _search(self, fen: str, lines: int, limit: str) -> dict[str, float]:
        """Returns the values of the moves that the search lists, best first."""
        return {score.move: _value(score) for score in self._client.scores(f"fen {fen}", limit, lines)}

    def close(self) -> None:
        """Ends the engine."""
        self._client.close()


def _merged(values: Mapping[str, float], searched: Mapping[str, float], highest: float) -> dict[str, float]:
    """Returns the new values of the moves searched, and the old ones of the others, up to the highest allowed."""
    if not searched:
        return dict(values)
    return {move: searched.get(move, min(value, max(0.0, highest))) for move, value in values.items()}


def _value(score: MoveScore) -> float:
    if score.mate is not None:
        return mate_to_value(abs(score.mate), score.mate > 0)
    return cp_to_value(score.score_cp or 0)
