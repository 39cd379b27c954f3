"""Selects the part of a trace that a picture or a text shows."""

import dataclasses
from typing import NamedTuple

import chess

from engine.player.choice import ranked_moves
from engine.view.capture import Trace


@dataclasses.dataclass(frozen=True, kw_only=True)
class Look:
    """Selects what to show of a trace; None stands for a default.

    Attributes:
      state: of the recursion, from 0; None for the one that is played.
      square: whose attention; None for the start of the most probable move.
      block: which block of f; None for the last.
      head: None for the mean of all.
      to_square: show the attention the square receives instead of the attention it pays.
      orientation: the side at the bottom.
    """

    state: int | None = None
    square: chess.Square | None = None
    block: int | None = None
    head: int | None = None
    to_square: bool = False
    orientation: chess.Color = chess.WHITE

    def completed(self, trace: Trace) -> "CompletedLook":
        """Fills in the defaults.

        Raises:
          LookError: the trace has no such state, block or head.
        """
        states, blocks, heads = trace.attention.shape[:3]
        limits = (("state", self.state, states), ("block", self.block, blocks), ("head", self.head, heads))
        for name, value, count in limits:
            if value is not None and not 0 <= value < count:
                raise LookError(f"expected {name} from 0 to {count - 1}, got {value}")
        return CompletedLook(
            state=trace.played_state if self.state is None else self.state,
            square=ranked_moves(trace.evaluation)[0].from_square if self.square is None else self.square,
            block=blocks - 1 if self.block is None else self.block,
            head=self.head,
            to_square=self.to_square,
            orientation=self.orientation,
        )


class CompletedLook(NamedTuple):
    """Holds a look with its defaults filled in; `head` None is the mean of all."""

    state: int
    square: chess.Square
    block: int
    head: int | None
    to_square: bool
    orientation: chess.Color

    @property
    def caption(self) -> str:
        """The attention shown, in words."""
        direction = "to" if self.to_square else "of"
        heads = "mean of heads" if self.head is None else f"head {self.head + 1}"
        return f"attention {direction} {chess.square_name(self.square)}, block {self.block + 1}, {heads}"


class LookError(ValueError):
    """There is no such state, block or head; the text is one line."""
