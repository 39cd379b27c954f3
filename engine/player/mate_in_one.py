"""Finds the moves that mate at once, by the laws of chess alone."""

from collections.abc import Iterable, Iterator

import chess


def mating_moves(board: chess.Board, moves: Iterable[chess.Move]) -> Iterator[chess.Move]:
    """Yields those of some legal moves that mate, in the order given.

    Args:
      board: the position; while a move is asked for it changes, and is then as it was.
      moves: legal moves of the position.
    """
    for move in _possible_checks(board, moves):
        board.push(move)
        is_mate = board.is_checkmate()
        board.pop()
        if is_mate:
            yield move


def mating_move(board: chess.Board, moves: Iterable[chess.Move]) -> chess.Move | None:
    """Returns the first of some legal moves that mates, or None; the board is left as it was."""
    return next(mating_moves(board, moves), None)


def _possible_checks(board: chess.Board, moves: Iterable[chess.Move]) -> Iterator[chess.Move]:
    """Yields a superset of the moves that give check, without making any of them.

    python-chess makes every move to see whether it checks, which for a whole position takes a twentieth of an
    evaluation of the network.
    """
    king = board.king(not board.turn)
    if king is None:
        return
    diagonals = chess.BB_DIAG_ATTACKS[king][chess.BB_DIAG_MASKS[king] & board.occupied]
    lines = (
        chess.BB_RANK_ATTACKS[king][chess.BB_RANK_MASKS[king] & board.occupied]
        | chess.BB_FILE_ATTACKS[king][chess.BB_FILE_MASKS[king] & board.occupied]
    )
    checked_from = {
        chess.PAWN: chess.BB_PAWN_ATTACKS[not board.turn][king],
        chess.KNIGHT: chess.BB_KNIGHT_ATTACKS[king],
        chess.BISHOP: diagonals,
        chess.ROOK: lines,
        chess.QUEEN: diagonals | lines,
        chess.KING: 0,
    }
    for move in list(moves):  # a generator of moves must not see the board change
        piece = board.piece_type_at(move.from_square)
        if piece is None:
            continue
        direct = chess.BB_SQUARES[move.to_square] & checked_from[piece]
        discovered = chess.BB_SQUARES[move.from_square] & (diagonals | lines)
        # Promotions, castling and en passant change more than the two squares looked at here.
        unusual = move.promotion or board.is_castling(move) or board.is_en_passant(move)
        if direct or discovered or unusual:
            yield move
