"""What an engine may spend on a move: nodes, depth, a fixed time, or a clock."""

import re
from dataclasses import dataclass

from training.evaluation.engines.evaluation_error import EvaluationError

_CLOCK = re.compile(
    r"(?:(?P<moves>\d+)/)?(?:(?P<minutes>\d+):)?(?P<seconds>\d+(?:\.\d+)?)(?:\+(?P<inc>\d+(?:\.\d+)?))?"
)
_FORMS = "nodes=N, depth=N, movetime=MS or tc=[MOVES/][MINUTES:]SECONDS[+INCREMENT]"


@dataclass(frozen=True, kw_only=True)
class TimeControl:
    """A clock for a whole game.

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
            raise EvaluationError(f"expected a clock with time on it, as tc=60+0.6 or tc=40/60, got {self}")

    def __str__(self) -> str:
        moves = "" if self.moves is None else f"{self.moves}/"
        increment = f"+{self.increment_s:g}" if self.increment_s else ""
        return f"{moves}{self.base_s:g}{increment}"


@dataclass(frozen=True, kw_only=True)
class MoveLimit:
    """What each move may cost; exactly one of the first four.

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
