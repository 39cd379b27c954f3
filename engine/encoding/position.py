"""Encodes a chess position as 67 signed bytes, seen by the side to move.

The side to move always plays up the board: for Black to move the ranks are flipped and the colours exchanged, the files
stay. No history is needed: repetition is counted here, from the board's move stack.

    index   content
    0..63   piece on the square (rank * 8 + file; rank 0 is the mover's first rank)
    64      en-passant target square, or -1; set only when such a capture is legal
    65      half-move clock, clipped to 100
    66      earlier occurrences of this position in the game, clipped to 2

    piece   0 empty, 1 pawn, 2 knight, 3 bishop, 4 rook, 5 queen, 6 king, 7 rook that may still castle;
            negative for the opponent's
"""

import chess
import numpy as np

POSITION_SIZE = 67  # P
EN_PASSANT, HALF_MOVES, REPETITIONS = 64, 65, 66
CASTLING_ROOK = 7


def mover_square(square: chess.Square, mover: chess.Color) -> int:
    """Returns a python-chess square 0..63 in the view of `mover` (or back: the map is its own inverse)."""
    return square if mover == chess.WHITE else square ^ 56


def encode_position(board: chess.Board) -> np.ndarray:
    """Encodes a board for the network.

    Args:
      board: any board with at most 16 pieces a side; its move stack supplies the repetition count.

    Returns:
      int8 `[P]`, laid out as in the module docstring.
    """
    mover = board.turn
    position = np.zeros(POSITION_SIZE, np.int8)
    castling_rights = board.clean_castling_rights()
    for square, piece in board.piece_map().items():
        code = CASTLING_ROOK if castling_rights >> square & 1 else piece.piece_type
        position[mover_square(square, mover)] = code if piece.color == mover else -code
    position[EN_PASSANT] = -1
    if board.ep_square is not None and board.has_legal_en_passant():
        position[EN_PASSANT] = mover_square(board.ep_square, mover)
    position[HALF_MOVES] = min(board.halfmove_clock, 100)
    position[REPETITIONS] = earlier_occurrences(board)
    return position


def earlier_occurrences(board: chess.Board) -> int:
    """Counts how often the position has occurred before (0, 1, or 2 for twice and more).

    Two positions are the same when pieces, side to move, castling rights and legal en-passant capture agree.
    """
    if not board.move_stack or board.halfmove_clock < 4:
        return 0
    return int(board.is_repetition(2)) + int(board.is_repetition(3))
