"""Asks another UCI engine, the teacher, what every move of a position is worth.

One MultiPV search scores all moves, and its lines are read raw: for a search of all moves to depth 4 that takes about
0.8 ms of processor time, where parsing the same lines into python-chess's objects takes 14 ms, more than the search.
"""

import contextlib
import re
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

MOST_MOVES = 218  # legal moves that a position can have
_PATIENCE_S = 30.0  # until `uciok`
_READY_PATIENCE_S = 120.0  # until `readyok`: an engine may load a network first


_OPTION = re.compile(r"option name (.+?) type (.*)")
_REFUSAL = re.compile(r"no such option|unknown option|invalid|\berror\b", re.IGNORECASE)


class TeacherError(ValueError):
    """The engine cannot be used as a teacher; the text is one line."""


class MoveScore(NamedTuple):
    """Holds the score of one move for the side that makes it.

    Attributes:
      move: in UCI text.
      score_cp: centipawns, None for a forced mate.
      mate: moves to mate, negative when mated, else None.
      depth: of the search, in plies.
    """

    move: str
    score_cp: int | None
    mate: int | None
    depth: int


class UciClient:
    """Runs a UCI engine in its own process; for one thread at a time.

    Args:
      command: program and arguments.
      options: UCI options, except MultiPV.
      least_lines: the number of lines that MultiPV must allow.

    Attributes:
      name: as the engine states it, or else its program.
      most_lines: largest value of its option MultiPV; 1 if it has none.

    Raises:
      TeacherError: the program does not start, does not speak UCI, or lists too few lines.
    """

    def __init__(self, command: Sequence[str], options: Mapping[str, str], least_lines: int = 1) -> None:
        self._program = self.name = command[0]
        self.most_lines = 1
        self._stalled = False
        self._options: dict[str, list[str]] = {}  # name in lower case to what follows the type: kind, default, limits
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8", errors="replace", bufsize=1
            )
        except OSError as error:
            raise TeacherError(f"expected a UCI engine as teacher, got {self._program}: {error.strerror}") from None
        try:
            self._greet(least_lines)
            self._set_options(options)
        except BaseException:
            self.close()
            raise

    def new_game(self) -> None:
        """Clears the engine's memory; costly, so once per game rather than once per position."""
        self._send("ucinewgame\nisready")
        self._lines_until("readyok", _READY_PATIENCE_S)

    def scores(self, position: str, limit: str, lines: int, patience_s: float | None = None) -> list[MoveScore]:
        """Returns the scores of the best moves, best first.

        Args:
          position: as it follows the command `position`, such as "fen …" or "startpos moves e2e4"; with a legal move.
          limit: as it follows the command `go`, such as "depth 4".
          lines: number of moves to list.
          patience_s: kills an engine that has not answered by then; None waits for ever.

        Returns:
          Each move once, by the last exact line of each place.

        Raises:
          TeacherError: the engine ended or did not answer in time.
        """
        self._send(f"setoption name MultiPV value {lines}\nposition {position}\ngo {limit}")
        places: dict[int, list[str]] = {}
        for line in self._lines_until("bestmove", patience_s):
            words = line.split()
            if "score" in words and "pv" in words and "bound" not in line:
                # By place, not by move: a move that was best until it was refuted would keep its old score.
                places[int(words[words.index("multipv") + 1]) if "multipv" in words else 1] = words
        found: dict[str, MoveScore] = {}
        for place in sorted(places):
            try:
                score = _move_score(places[place])
            except (ValueError, IndexError):
                line = " ".join(places[place])[:100]
                raise TeacherError(f"expected scores from the teacher {self._program}, got {line!r}") from None
            found.setdefault(score.move, score)  # a worse place may still hold it in an older line
        return list(found.values())

    def close(self) -> None:
        """Kills the engine's process."""
        self._process.kill()
        # Leaving the context closes the pipes and waits; what an ended engine has not read is lost.
        with contextlib.suppress(OSError), self._process:
            pass

    def _greet(self, least_lines: int) -> None:
        self._send("uci")
        try:
            lines = self._lines_until("uciok", _PATIENCE_S)
        except TeacherError:
            answer = f"no answer in {_PATIENCE_S:g} s" if self._stalled else "its end"
            raise TeacherError(
                f"expected a UCI engine that answers `uci` with `uciok` as teacher, got {self._program}: {answer}"
            ) from None
        for line in lines:
            words = line.split()
            if line.startswith("id name "):
                self.name = line.removeprefix("id name ").strip()
            elif match := _OPTION.match(line):
                self._options[match[1].strip().lower()] = match[2].split()
            if line.startswith("option name MultiPV ") and "max" in words:
                self.most_lines = int(words[words.index("max") + 1])
        if self.most_lines < least_lines:
            raise TeacherError(
                f"expected an engine whose option MultiPV goes up to {least_lines} as teacher, "
                f"got {self._program}, which lists at most {self.most_lines}"
            )

    def _set_options(self, options: Mapping[str, str]) -> None:
        for name, value in options.items():
            if name.lower() not in self._options:
                raise TeacherError(
                    f"expected an option of the teacher {self._program}, got {name!r}; "
                    f"it has {', '.join(sorted(self._options)) or 'none'}"
                )
            if fault := _option_fault(self._options[name.lower()], value):
                raise TeacherError(f"expected {fault} for the teacher's option {name}, got {value!r}")
            self._send(f"setoption name {name} value {value}")
        self._send("ucinewgame\nisready")
        for line in self._lines_until("readyok", _READY_PATIENCE_S):
            if _REFUSAL.search(line):
                raise TeacherError(f"expected the teacher {self._program} to take its options, got {line.strip()!r}")

    def _send(self, text: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(text + "\n")
            self._process.stdin.flush()
        except OSError:  # a closed pipe; Windows has another subclass for it
            raise TeacherError(f"expected the teacher {self._program} to go on, but it ended") from None

    def _lines_until(self, word: str, patience_s: float | None = None) -> list[str]:
        """Returns the lines up to the one that begins with a word."""
        assert self._process.stdout is not None
        lines = []
        with self._killed_after(patience_s):
            for line in self._process.stdout:
                lines.append(line)
                if line.startswith(word):
                    return lines
        fault = f"it gave none in {patience_s:g} s" if self._stalled else "it ended"
        raise TeacherError(f"expected {word} from the teacher {self._program}, but {fault}")

    @contextlib.contextmanager
    def _killed_after(self, patience_s: float | None) -> Iterator[None]:
        """Kills the process, which ends any wait for its lines, if the block takes too long."""
        if patience_s is None:
            yield
            return

        def give_up() -> None:
            self._stalled = True
            self._process.kill()

        watchdog = threading.Timer(patience_s, give_up)
        watchdog.daemon = True
        watchdog.start()
        try:
            yield
        finally:
            watchdog.cancel()


def _option_fault(told: Sequence[str], value: str) -> str | None:
    """Returns the values that an option takes if the value is none of them.

    Args:
      told: the words behind `type` with which the engine declares the option.
      value: as given.
    """
    if told[:1] == ["check"] and value.lower() not in ("true", "false"):
        return "true or false"
    if told[:1] != ["spin"] or "min" not in told or "max" not in told:
        return None
    least, most = (told[told.index(bound) + 1] for bound in ("min", "max"))
    try:
        return None if int(least) <= int(value) <= int(most) else f"a number from {least} to {most}"
    except ValueError:
        return f"a number from {least} to {most}"


def _move_score(words: Sequence[str]) -> MoveScore:
    kind, number = words[words.index("score") + 1 :][:2]
    return MoveScore(
        move=words[words.index("pv") + 1],
        score_cp=int(number) if kind == "cp" else None,
        mate=int(number) if kind == "mate" else None,
        depth=int(words[words.index("depth") + 1]) if "depth" in words else 0,
    )
