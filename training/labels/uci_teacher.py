"""A UCI engine that values every legal move of a position, read as raw lines.

Raw lines, since parsing them into objects costs as much as the search at the depths that are used. The engine searches
all moves in one MultiPV search to a fixed depth: with a limit of nodes the last iteration is cut off, and the moves'
scores come from different depths. The best few moves may then be searched again and deeper: that tells the best move
from the others far more reliably than the same time spent on all of them.
"""

import itertools
import subprocess
import threading
from collections.abc import Mapping, Sequence

from training.labels.expected_score import cp_to_value, mate_to_value

_PATIENCE_S = 30.0  # until `uciok`
_MOST_MOVES = 218  # legal ones that a position can have
_UNLISTED_BELOW = 0.01  # at least so far below the worst of them lie the others


class TeacherError(ValueError):
    """The engine cannot be used as a teacher; the text is one line."""


class UciTeacher:
    """A running engine.

    Args:
      command: program and arguments.
      options: UCI options beside MultiPV.

    Raises:
      TeacherError: the program does not start or does not speak UCI with MultiPV.
    """

    def __init__(self, command: Sequence[str], options: Mapping[str, str]) -> None:
        self._name = command[0]
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, errors="replace"
            )
        except OSError as error:
            raise TeacherError(f"expected a UCI engine as teacher, got {command[0]}: {error.strerror}") from None
        try:
            self._greet(options)
        except TeacherError:
            self.close()
            raise

    def _greet(self, options: Mapping[str, str]) -> None:
        stalled = threading.Event()

        def give_up() -> None:
            stalled.set()
            self._process.kill()

        watchdog = threading.Timer(_PATIENCE_S, give_up)
        watchdog.start()
        try:
            self._send("uci")
            options_told = self._lines_until("uciok")
        except TeacherError:
            took = f"no answer in {_PATIENCE_S:g} s" if stalled.is_set() else "its end"
            raise TeacherError(
                f"expected a UCI engine that answers `uci` with `uciok` as teacher, got {self._name}: {took}"
            ) from None
        finally:
            watchdog.cancel()
        words = next((line.split() for line in options_told if line.startswith("option name MultiPV ")), [])
        most = int(words[words.index("max") + 1]) if "max" in words else 0
        if most < _MOST_MOVES:
            found = f", with at most {most}" if words else ", without"
            raise TeacherError(
                f"expected an engine with the option MultiPV, up to {_MOST_MOVES}, as teacher, got {self._name}{found}"
            )
        for name, value in options.items():
            self._send(f"setoption name {name} value {value}")
        self.new_game()

    def new_game(self) -> None:
        """Clears what the engine remembers; costly, so once a game and not once a position."""
        self._send("ucinewgame\nisready")
        self._lines_until("readyok")

    def move_values(self, fen: str, depth: int) -> dict[str, float]:
        """Values the moves of a position.

        Args:
          fen: with at least one legal move.
          depth: of the search, in plies.

        Returns:
          Move in UCI text to expected score for the side to move, as `expected_score.py` defines it, of the last exact
          line of each move.
        """
        return self._search(fen, _MOST_MOVES, f"depth {depth}")

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
        """Returns what `_search` does, for a limit that cuts its last iteration off."""
        listed = self._search(fen, lines, limit)
        # A place that the last iteration did not reach has its score of the one before: no move is worth more than
        # those that the engine puts before it.
        return dict(zip(listed, itertools.accumulate(listed.values(), min), strict=True))

    def _search(self, fen: str, lines: int, limit: str) -> dict[str, float]:
        """Returns the moves that the search lists at its end, best first, by the last exact line of each place."""
        self._send(f"setoption name MultiPV value {lines}\nposition fen {fen}\ngo {limit}")
        places: dict[int, tuple[str, float]] = {}
        for line in self._lines_until("bestmove"):
            words = line.split()
            if "score" in words and "pv" in words and "bound" not in line:
                kind, number = words[words.index("score") + 1 :][:2]
                place = int(words[words.index("multipv") + 1]) if "multipv" in words else 1
                # Not by move: one that was best until it was refuted would keep the score it had before.
                places[place] = words[words.index("pv") + 1], _value(kind, int(number))
        found: dict[str, float] = {}
        for place in sorted(places):
            move, value = places[place]
            found.setdefault(move, value)  # it may still stand in a worse place whose last line is older
        return found

    def close(self) -> None:
        """Ends the engine."""
        self._process.kill()
        with self._process:  # closes the pipes and waits
            pass

    def _send(self, text: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(text + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise TeacherError(f"expected the teacher {self._name} to go on, but it ended") from None

    def _lines_until(self, word: str) -> list[str]:
        assert self._process.stdout is not None
        lines = []
        for line in self._process.stdout:
            lines.append(line)
            if line.startswith(word):
                return lines
        raise TeacherError(f"expected {word} from the teacher {self._name}, but it ended")


def _merged(values: Mapping[str, float], searched: Mapping[str, float], highest: float) -> dict[str, float]:
    """Returns the values of what was searched and, of the other moves, those before, at most the highest allowed."""
    if not searched:
        return dict(values)
    return {move: searched.get(move, min(value, max(0.0, highest))) for move, value in values.items()}


def _value(kind: str, number: int) -> float:
    return mate_to_value(abs(number), number > 0) if kind == "mate" else cp_to_value(number)
