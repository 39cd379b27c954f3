"""What pieces threaten, found slowly with python-chess: pieces are really placed. The mover is White."""

from collections.abc import Iterator

import chess
import numpy as np

from tests.reference.swap_off import WORTH, swap_off

SIDES = (chess.WHITE, chess.BLACK)


def _reach(board: chess.Board, square: int, kind: int, side: chess.Color) -> chess.SquareSet:
    placed = board.copy(stack=False)
    placed.set_piece_at(square, chess.Piece(kind, side))
    return placed.attacks(square)


def _danger(board: chess.Board, square: int, captures: int, without: int = 0) -> float:
    """Returns what can be won by capturing a piece, with one guard of the kind `without` fewer."""
    piece = board.piece_at(square)
    if piece is None or piece.piece_type == chess.KING:
        return 0.0
    takers = [board.piece_type_at(s) or 0 for s in board.attackers(not piece.color, square)]
    guards = [board.piece_type_at(s) or 0 for s in board.attackers(piece.color, square)]
    if without:
        guards.remove(without)
    cheapest_takers, cheapest_guards = (sorted(WORTH[kind] for kind in kinds) for kinds in (takers, guards))
    return min(9.0, swap_off(WORTH[piece.piece_type], cheapest_takers, cheapest_guards, captures))


def _from_here(board: chess.Board, values: np.ndarray, captures: int) -> Iterator[tuple[str, np.ndarray]]:
    attacks, guards, flights = (np.zeros((2, 6, 64)) for _ in range(3))
    dangers = [_danger(board, square, captures) for square in chess.SQUARES]
    for row, side in enumerate(SIDES):
        prey = chess.SquareSet(board.occupied_co[not side] & ~board.kings)
        king = board.king(not side)
        near = chess.SquareSet() if king is None else chess.SquareSet(chess.BB_KING_ATTACKS[king])
        free = [s for s in near & ~board.occupied_co[not side] if not board.is_attacked_by(side, s)]
        for kind in chess.PIECE_TYPES:
            for square in chess.SQUARES:
                reach = _reach(board, square, kind, side)
                attacks[row, kind - 1, square] = sum(np.clip(values[row, kind - 1, t], 0, 9) for t in reach & prey)
                guards[row, kind - 1, square] = sum(dangers[t] for t in reach & board.occupied_co[side])
                flights[row, kind - 1, square] = sum(t not in reach for t in free)
    clipped = "side, kind, in units of 4 pawns, clipped to 9 pawns"
    yield f"worth attacked from here: {clipped}", attacks.clip(0, 9).reshape(12, 64) / 4
    yield f"own worth in danger guarded from here: {clipped}", guards.clip(0, 9).reshape(12, 64) / 4
    name = "squares left to the other king with a piece here: side, kind, in units of 4"
    yield name, flights.reshape(12, 64) / 4


def _of_the_man_here(board: chess.Board, values: np.ndarray, captures: int) -> Iterator[tuple[str, np.ndarray]]:
    leaves, mobility = np.zeros((2, 64)), np.zeros((2, 64))
    for square, piece in board.piece_map().items():
        row, own = SIDES.index(piece.color), chess.SquareSet(board.occupied_co[piece.color])
        for guarded in board.attacks(square) & own:
            alone = _danger(board, guarded, captures, without=piece.piece_type)
            if board.piece_type_at(guarded) != chess.KING:
                leaves[row, square] += alone - _danger(board, guarded, captures)
        targets = board.attacks(square) - own
        mobility[0, square] = len(targets)
        mobility[1, square] = sum(values[row, piece.piece_type - 1, t] >= 0 for t in targets)
    name = "own worth in danger if the piece here no longer guards: side, in units of 4 pawns, clipped to 9 pawns"
    yield name, leaves.clip(0, 9) / 4
    yield "squares the piece here attacks: without own pieces, without loss, in units of 8", mobility / 8


def _screens(board: chess.Board) -> np.ndarray:
    screens = np.zeros((2, 64))
    for blocker in list(board.piece_map()):
        without = board.copy(stack=False)
        without.remove_piece_at(blocker)
        for square, piece in without.piece_map().items():
            if piece.piece_type not in (chess.BISHOP, chess.ROOK, chess.QUEEN):
                continue
            prey = chess.SquareSet(without.occupied_co[not piece.color] & ~without.kings)
            for target in (without.attacks(square) - board.attacks(square)) & prey:
                price = WORTH[piece.piece_type] if board.is_attacked_by(not piece.color, target) else 0.0
                gain = WORTH[without.piece_type_at(target) or 0] - price
                screens[SIDES.index(piece.color), blocker] += max(0.0, gain)
    return screens.clip(0, 9) / 4


def _no_pawn_ahead(board: chess.Board, side: chess.Color) -> list[bool]:
    pawns = board.pieces(chess.PAWN, not side)
    up = 1 if side else -1
    return [
        not any(
            abs(chess.square_file(p) - chess.square_file(s)) <= 1
            and (chess.square_rank(p) - chess.square_rank(s)) * up > 0
            for p in pawns
        )
        for s in chess.SQUARES
    ]


def threat_groups(board: chess.Board, values: np.ndarray, captures: int) -> Iterator[tuple[str, np.ndarray]]:
    """Yields the groups of features that `engine.encoding.threats` gives.

    Args:
      board: White to move.
      values: `[side, kind, square]` exchange values of arriving.
      captures: how many captures an exchange looks at.
    """
    yield from _from_here(board, values, captures)
    yield from _of_the_man_here(board, values, captures)
    name = "worth attacked through the piece here: side that attacks, in units of 4 pawns, clipped to 9 pawns"
    yield name, _screens(board)
    name = "no pawn of the other side ahead on this file and the next ones: side"
    yield name, np.array([_no_pawn_ahead(board, side) for side in SIDES])
