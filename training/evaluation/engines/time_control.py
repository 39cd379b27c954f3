"""Limits what a move may cost (nodes, depth, a fixed time, a clock) and runs the clocks of a game."""

import re
from dataclasses import dataclass

import chess

from training.evaluation.failures import EvaluationError

_CLOCK = re.compile(
    r"(?:(?P<moves>\d+)/)?(?:(?P<minutes>\d+):)?(?P<seconds>\d+(?:\.\d+)?)(?:\+(?P<inc>\d+(?:\.\d+)?))?"
)

_FORMS = "nodes=N, depth=N, movetime=MS or tc=[MOVES/][MINUTES:]SECONDS[+INCREMENT]"


@dataclass(frozen=True, kw_only=True)
class TimeControl:
    """A time control for a whole game.

    Attributes:
      base_s: seconds at the start, and again after every `moves` moves.
      increment_s: seconds added after each move.
      moves: moves to make in `base_s`; None for the rest of the game.
    """

    base_s: float
    increment_s: float = 0.0
    moves: int | None = None

    def __post_init__(self) -> None:
        if self.base_s <= 0 or self.increment_s < 0 or (self.moves is not None and self.moves < 1):
            raise EvaluationError(f"expected a clock with time on it, such as tc=60+0.6 or tc=40/60, got {self}")

    def __str__(self) -> str:
        moves = "" if self.moves is None else f"{self.moves}/"
        increment = f"+{self.increment_s:g}" if self.increment_s else ""
        return f"{moves}{self.base_s:g}{increment}"


@dataclass(frozen=True, kw_only=True)
class MoveLimit:
    """Limits each move by exactly one of the following.

    Attributes:
      nodes: `go nodes`.
      depth: `go depth`.
      movetime_ms: `go movetime`.
      clock: `go wtime ... btime ...`.
    """

    nodes: int | None = None
    depth: int | None = None
    movetime_ms: int | None = None
    clock: TimeControl | None = None

    def __post_init__(self) -> None:
        given = [n for n in (self.nodes, self.depth, self.movetime_ms) if n is not None]
        if len(given) + (self.clock is not None) != 1 or any(n < 1 for n in given):
            raise EvaluationError(
                f"expected one of nodes, depth, movetime_ms, clock for a move limit, at least 1, got {self!r}"
            )

    def __str__(self) -> str:
        if self.clock is not None:
            return f"tc={self.clock}"
        if self.movetime_ms is not None:
            return f"movetime={self.movetime_ms}"
        return f"nodes={self.nodes}" if self.nodes is not None else f"depth={self.depth}"


def parse_move_limit(text: str) -> MoveLimit:
    """Reads a limit as `MoveLimit` writes it: `nodes=1`, `depth=6`, `movetime=100`, `tc=1+0.01`.

    Raises:
      EvaluationError: the text is none of these.
    """
    kind, _, value = text.strip().partition("=")
    if kind == "tc":
        return MoveLimit(clock=_parse_clock(value))
    if kind not in ("nodes", "depth", "movetime") or not value.isdecimal() or int(value) < 1:
        raise EvaluationError(f"expected a limit as {_FORMS}, got {text!r}")
    number = int(value)
    if kind == "movetime":
        return MoveLimit(movetime_ms=number)
    return MoveLimit(nodes=number) if kind == "nodes" else MoveLimit(depth=number)


@dataclass(frozen=True, kw_only=True)
class ClockFace:
    """Shows both clocks when a player is to move; None where a side has no clock.

    Attributes:
      white_s: seconds left for White.
      black_s: seconds left for Black.
      white_increment_s: seconds White gets after each move.
      black_increment_s: seconds Black gets after each move.
      moves_to_go: moves of the side to move until its next time control.
    """

    white_s: float | None = None
    black_s: float | None = None
    white_increment_s: float | None = None
    black_increment_s: float | None = None
    moves_to_go: int | None = None

    def left_s(self, color: chess.Color) -> float | None:
        """Returns the seconds left for a side."""
        return self.white_s if color == chess.WHITE else self.black_s


NO_CLOCKS = ClockFace()


class GameClocks:
    """Runs the two clocks of one game; a side without a time control has none.

    Args:
      white: time control of White.
      black: time control of Black.
    """

    def __init__(self, white: TimeControl | None, black: TimeControl | None) -> None:
        self._controls = {chess.WHITE: white, chess.BLACK: black}
        self._left_s = {color: control.base_s if control else None for color, control in self._controls.items()}
        self._moves_made = {chess.WHITE: 0, chess.BLACK: 0}

    def face(self, color: chess.Color) -> ClockFace:
        """Returns the clocks as this side sees them when it is to move."""
        white, black = self._controls[chess.WHITE], self._controls[chess.BLACK]
        own = self._controls[color]
        moves_to_go = None
        if own is not None and own.moves is not None:
            moves_to_go = own.moves - self._moves_made[color] % own.moves
        return ClockFace(
            white_s=self._left_s[chess.WHITE],
            black_s=self._left_s[chess.BLACK],
            white_increment_s=white.increment_s if white else None,
            black_increment_s=black.increment_s if black else None,
            moves_to_go=moves_to_go,
        )

    def press(self, color: chess.Color, elapsed_s: float, margin_s: float) -> bool:
        """Takes the time of a move off a side's clock and adds its increment.

        Args:
          color: the side that moved.
          elapsed_s: seconds the move took.
          margin_s: overstepping by at most this many seconds is forgiven; the clock then stands at zero.

        Returns:
          False if the side overstepped its time.
        """
        control, left_s = self._controls[color], self._left_s[color]
        if control is None or left_s is None:
            return True
        left_s -= elapsed_s
        if left_s < -margin_s:
            return False
        self._moves_made[color] += 1
        left_s = max(left_s, 0.0) + control.increment_s
        if control.moves is not None and self._moves_made[color] % control.moves == 0:
            left_s += control.base_s
        self._left_s[color] = left_s
        return True


def _parse_clock(text: str) -> TimeControl:
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise EvaluationError(f"expected a limit as {_FORMS}, got 'tc={text}'")
    moves = found["moves"]
    return TimeControl(
        base_s=60 * int(found["minutes"] or 0) + float(found["seconds"]),
        increment_s=float(found["inc"] or 0),
        moves=None if moves is None else int(moves),
    )
