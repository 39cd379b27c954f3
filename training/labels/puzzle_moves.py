"""Plays through Lichess puzzles, and finds the moves that mate at once, which solve any puzzle."""

from collections.abc import Iterable, Iterator

import chess

from engine.files.puzzle_lines import Puzzle


def puzzle_boards(puzzle: Puzzle) -> Iterator[chess.Board]:
    """Yields the position before each move of a puzzle and after the last; each is valid until the next."""
    board = chess.Board(puzzle.fen)
    yield board
    for move in puzzle.moves:
        board.push(move)
        yield board


def mating_moves(board: chess.Board, moves: Iterable[chess.Move]) -> list[chess.Move]:
    """Returns those of the legal moves that mate, in the order given.

    Args:
      board: the position; it is left as it was.
      moves: legal moves of the position.
    """
    return [move for move in _possible_checks(board, moves) if _mates(board, move)]


def _mates(board: chess.Board, move: chess.Move) -> bool:
    board.push(move)
    try:
        return board.is_checkmate()
    finally:
        board.pop()


def _possible_checks(board: chess.Board, moves: Iterable[chess.Move]) -> list[chess.Move]:
    """Returns a superset of the moves that give check, without making any of them."""
    king = board.king(not board.turn)
    if king is None:
        return []
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
    found = []
    for move in moves:
        piece = board.piece_type_at(move.from_square)
        if piece is None:
            continue
        direct = chess.BB_SQUARES[move.to_square] & checked_from[piece]
        discovered = chess.BB_SQUARES[move.from_square] & (diagonals | lines)
        # Promotions, castling and en passant change more than the two squares looked at here.
        unusual = move.promotion or board.is_castling(move) or board.is_en_passant(move)
        if direct or discovered or unusual:
            found.append(move)
    return found
