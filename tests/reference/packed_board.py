"""An encoded position back as a python-chess board, seen by the side to move (as White)."""

import chess
import numpy as np


def board_of(position: np.ndarray) -> chess.Board:
    """Returns the board that int8 `[P]` describes; the move number is not known and left at 1."""
    board = chess.Board(None)
    for square in chess.SQUARES:
        piece = int(position[square])
        if piece:
            piece_type = chess.ROOK if abs(piece) == 7 else abs(piece)
            board.set_piece_at(square, chess.Piece(piece_type, piece > 0))
            if abs(piece) == 7:
                board.castling_rights |= chess.BB_SQUARES[square]
    board.turn = chess.WHITE
    board.ep_square = int(position[64]) if position[64] >= 0 else None
    board.halfmove_clock = int(position[65])
    return board


def cell_of(move: chess.Move) -> int:
    """Returns the policy cell of White's move, by the definition and nothing else."""
    if move.promotion in (None, chess.QUEEN):
        return move.from_square * 64 + move.to_square
    files = chess.square_file(move.from_square) * 8 + chess.square_file(move.to_square)
    return 4096 + 3 * files + {chess.ROOK: 0, chess.BISHOP: 1, chess.KNIGHT: 2}[move.promotion]


def legal_cells(board: chess.Board) -> set[int]:
    """Returns the cells of all legal moves of a board with White to move."""
    return {cell_of(move) for move in board.legal_moves}
