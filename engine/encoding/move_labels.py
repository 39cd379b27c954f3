"""Converts moves to policy cells (ours) and to labels (Pgx's), both in the view of the side to move.

A cell is where the policy head writes a move's logit. Squares are rank * 8 + file in the mover's view.

    cell 0..4095       from * 64 + to; promotion to a queen is the plain cell
    cell 4096..4287    4096 + (from_file * 8 + to_file) * 3 + {0 rook, 1 bishop, 2 knight}

A Pgx label is `from * 73 + plane` with column-major squares (a1 = 0, a2 = 1, b1 = 8):

    plane 0..8     under-promotions: plane // 3 in (rook, bishop, knight), plane % 3 in (straight, right, left)
    plane 9..64    queen lines, seven planes each: down, up, left, right, down-left, up-right, up-left, down-right;
                   down, left, down-left and up-left begin with the farthest square, the others with the nearest
    plane 65..72   knight jumps

Castling from the standard squares is the king's two-square step, as in Pgx. Any other castling (Chess960) is written
king-takes-own-rook, which collides with no other move.
"""

import chess
import numpy as np

CELLS = 64 * 64 + 8 * 8 * 3  # Z
LABELS = 64 * 73  # A
UNDER_PROMOTIONS = (chess.ROOK, chess.BISHOP, chess.KNIGHT)
_UNDER_PROMOTION_INDEX = {piece: index for index, piece in enumerate(UNDER_PROMOTIONS)}


def move_to_cell(board: chess.Board, move: chess.Move) -> int:
    """Returns the policy cell of a legal move.

    Args:
      board: the position in which the move is legal.
      move: as python-chess writes it for this board (in Chess960 castling is king-takes-rook).

    Returns:
      A cell in 0..4287.
    """
    flip = 0 if board.turn == chess.WHITE else 56
    from_square, to_square = move.from_square ^ flip, move.to_square ^ flip
    if move.promotion is not None and move.promotion != chess.QUEEN:
        files = (from_square & 7) * 8 + (to_square & 7)
        return 4096 + files * 3 + _UNDER_PROMOTION_INDEX[move.promotion]
    if board.chess960 and board.is_castling(move):
        to_square = _castling_target(from_square, to_square)
    return from_square * 64 + to_square


def _castling_target(king: int, rook: int) -> int:
    """Returns the target square of a Chess960 castling: g1 or c1 from the standard placement, else the rook's."""
    standard = king == chess.E1 and rook in (chess.A1, chess.H1)
    if not standard:
        return rook
    return chess.G1 if rook == chess.H1 else chess.C1


def legal_moves_and_cells(board: chess.Board) -> tuple[list[chess.Move], np.ndarray]:
    """Lists the legal moves in the order of their UCI text, with their cells.

    Args:
      board: any legal position.

    Returns:
      The moves, and int32 `[L]` cells in the same order.
    """
    moves = sorted(board.legal_moves, key=chess.Move.uci)
    return moves, np.array([move_to_cell(board, move) for move in moves], np.int32)


def move_to_label(board: chess.Board, move: chess.Move) -> int:
    """Returns the Pgx label 0..4671 of a legal move."""
    return int(LABEL_OF_CELL[move_to_cell(board, move)])


def label_to_move(board: chess.Board, label: int) -> chess.Move:
    """Returns the legal move that carries a Pgx label.

    Raises:
      ValueError: no legal move of this position has the label.
    """
    for move in board.legal_moves:
        if move_to_label(board, move) == label:
            return move
    raise ValueError(f"expected the label of a legal move in {board.fen()}, got: {label}")


def _plane_steps() -> list[tuple[int, int]]:
    """Lists the (rank, file) steps of planes 9..72."""
    near, far = range(1, 8), range(-7, 0)
    steps = [(r, 0) for r in far] + [(r, 0) for r in near] + [(0, f) for f in far] + [(0, f) for f in near]
    steps += [(f, f) for f in far] + [(f, f) for f in near] + [(-f, f) for f in far] + [(-f, f) for f in near]
    return steps + [(-1, -2), (1, -2), (-2, -1), (2, -1), (-1, 2), (1, 2), (-2, 1), (2, 1)]


def _cells_of_labels() -> np.ndarray:
    cells = np.full(LABELS, -1, np.int32)
    for square in range(64):
        rank, file = divmod(square, 8)
        first_label = (file * 8 + rank) * 73  # Pgx counts squares down the files
        for plane, (rank_step, file_step) in enumerate(_plane_steps(), start=9):
            to_rank, to_file = rank + rank_step, file + file_step
            if 0 <= to_rank < 8 and 0 <= to_file < 8:
                cells[first_label + plane] = square * 64 + to_rank * 8 + to_file
        for plane in range(9 if rank == 6 else 0):
            to_file = file + (0, 1, -1)[plane % 3]
            if 0 <= to_file < 8:
                cells[first_label + plane] = 4096 + (file * 8 + to_file) * 3 + plane // 3
    return cells


CELL_OF_LABEL = _cells_of_labels()  # [A] int32, -1 where no move has the label
LABEL_OF_CELL = np.full(CELLS, -1, np.int32)  # [Z] int32, -1 where no label has the cell
LABEL_OF_CELL[CELL_OF_LABEL[CELL_OF_LABEL >= 0]] = np.flatnonzero(CELL_OF_LABEL >= 0)
