"""The ways in which a measurement cannot be made, or a player fails to make a move."""

from typing import Literal

FaultKind = Literal["illegal move", "crash", "time loss", "stall"]
FAULT_KINDS: tuple[FaultKind, ...] = ("illegal move", "crash", "time loss", "stall")


class EvaluationError(ValueError):
    """An input, an engine or an option cannot be used; the text is one line for the user."""


class MoveFailure(Exception):
    """A player did not produce a legal move in time; in a game this is a loss, not a program error.

    Attributes:
      kind: the kind of fault.
    """

    def __init__(self, kind: FaultKind, text: str) -> None:
        super().__init__(text)
        self.kind: FaultKind = kind


class Resignation(Exception):
    """A player resigned, as xboard engines may."""
