"""The part of a board's game that can still matter: since the last capture or pawn move."""

from collections import Counter

import chess


def recent_copy(board: chess.Board) -> chess.Board:
    """Returns a copy of a board that remembers its game back to the last capture or pawn move.

    Positions before that cannot be repeated, and copying a whole long game takes milliseconds.

    Args:
      board: with its game in the move stack; it is left as it was.
    """
    return board.copy(stack=board.halfmove_clock)


def positions_seen_twice(board: chess.Board) -> frozenset[str]:
    """Returns the positions that need to come once more for a third repetition, of those with the same side to move.

    Args:
      board: with its game in the move stack; it is left as it was.

    Returns:
      Them as EPDs; the position on the board may be among them.
    """
    past = recent_copy(board)
    seen = Counter([past.epd()])
    while len(past.move_stack) >= 2:
        past.pop()
        past.pop()
        seen[past.epd()] += 1
    return frozenset(epd for epd, times in seen.items() if times >= 2)
