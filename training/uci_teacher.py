"""A UCI engine that values every legal move of a position, read as raw lines.

Raw lines, since parsing them into objects costs as much as the search at the depths that are used. The engine searches
all moves in one MultiPV search to a fixed depth: with a limit of nodes the last iteration is cut off, and the moves'
scores come from different depths.
"""

import subprocess
from collections.abc import Mapping, Sequence

from training.expected_score import cp_to_value, mate_to_value

_ALL_MOVES = 256  # lines asked for; no position has as many moves


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
        self._send("uci")
        if not any(line.startswith("option name MultiPV ") for line in self._lines_until("uciok")):
            raise TeacherError(f"expected an engine with the option MultiPV as teacher, got {self._name}")
        for name, value in {**options, "MultiPV": str(_ALL_MOVES)}.items():
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
        self._send(f"position fen {fen}\ngo depth {depth}")
        values: dict[str, float] = {}
        for line in self._lines_until("bestmove"):
            words = line.split()
            if "multipv" in words and "score" in words and "pv" in words and "bound" not in line:
                kind, number = words[words.index("score") + 1 :][:2]
                values[words[words.index("pv") + 1]] = _value(kind, int(number))
        return values

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


def _value(kind: str, number: int) -> float:
    return mate_to_value(abs(number), number > 0) if kind == "mate" else cp_to_value(number)
