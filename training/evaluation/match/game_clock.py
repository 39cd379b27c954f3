"""The clocks of a game: what is left for each side, and when a side has overstepped."""

from dataclasses import dataclass

import chess

from training.evaluation.engines.move_limit import TimeControl


@dataclass(frozen=True, kw_only=True)
class ClockFace:
    """What both clocks show when a player is to move; None where a side has no clock.

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
    """The two clocks of one game; a side without a time control has none.

    Args:
      white: time control of White.
      black: time control of Black.
    """

    def __init__(self, white: TimeControl | None, black: TimeControl | None) -> None:
        self._controls = {chess.WHITE: white, chess.BLACK: black}
        self._left_s = {color: control.base_s if control else None for color, control in self._controls.items()}
        self._moves_made = {chess.WHITE: 0, chess.BLACK: 0}

    def face(self, color: chess.Color) -> ClockFace:
        """Returns what the clocks show with this side to move."""
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
        """Takes the time of a move off a side's clock and adds what the move earns.

        Args:
          color: who moved.
          elapsed_s: time the move took.
          margin_s: overstepping by at most this much is forgiven; the clock then stands at zero.

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
