"""Judges moves by static exchanges with python-chess and plain loops, one move at a time."""

import chess

from engine.encoding.exchange import CAPTURES
from tests.reference.swap_off import WORTH, swap_off


def worth(piece_type: chess.PieceType) -> float:
    """Returns pawns; a king stands for nothing, since it cannot be captured."""
    return 0.0 if piece_type == chess.KING else WORTH[piece_type]


def attackers(board: chess.Board, side: chess.Color, square: chess.Square, without: chess.Square) -> list[float]:
    """Returns the worths of a side's pieces that attack a square, cheapest first, but for the one that stands aside."""
    squares = [at for at in board.attackers(side, square) if at != without]
    return sorted(WORTH[board.piece_type_at(at) or 0] for at in squares)


def exchange_score(board: chess.Board, move: chess.Move) -> float:
    """Returns the worth of a move in pawns: its gain less the best exchange that it leaves to the opponent."""
    us, piece = board.turn, board.piece_type_at(move.from_square)
    assert piece is not None
    captured = board.piece_type_at(move.to_square) if not board.is_castling(move) else None
    gain = worth(captured) if captured else float(board.is_en_passant(move))
    arrives = move.promotion or piece
    gain += worth(arrives) - worth(piece)
    # A pawn that is pushed was no guard of the square before it.
    guards = attackers(board, us, move.to_square, move.from_square)
    theirs = attackers(board, not us, move.to_square, -1)
    lost = swap_off(worth(arrives), theirs, guards, CAPTURES)
    for square in chess.scan_forward(board.occupied_co[us]):
        if square == move.from_square:
            continue
        standing = worth(board.piece_type_at(square) or 0)
        takers = attackers(board, not us, square, -1)
        lost = max(lost, swap_off(standing, takers, attackers(board, us, square, move.from_square), CAPTURES))
    return gain - lost


def mates(board: chess.Board, move: chess.Move) -> bool:
    """Returns whether a move mates."""
    board.push(move)
    is_mate = board.is_checkmate()
    board.pop()
    return is_mate
