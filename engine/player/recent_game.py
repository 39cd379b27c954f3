"""A board without the part of its game that can no longer matter."""

import chess


def recent_copy(board: chess.Board) -> chess.Board:
    """Returns a copy of a board that remembers its game back to the last capture or pawn move.

    Positions before that cannot be repeated, and copying a whole long game takes milliseconds.

    Args:
      board: with its game in the move stack; it is left as it was.
    """
    return board.copy(stack=board.halfmove_clock)
