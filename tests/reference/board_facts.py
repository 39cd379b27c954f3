"""What the encoding says about a board, found slowly with python-chess: pieces are really placed and removed.

Everything is in the view of the side to move: a Black mover's board is mirrored first, so that the mover is White.
"""

from collections.abc import Callable, Iterator

import chess
import numpy as np

from tests.reference.swap_off import WORTH, arrival_value
from tests.reference.threat_facts import threat_groups

SIDES = (chess.WHITE, chess.BLACK)  # mover, opponent
LINE_MEN = (chess.BISHOP, chess.ROOK, chess.QUEEN)


def mover_up(board: chess.Board) -> chess.Board:
    """Returns a copy seen by the side to move, which becomes White."""
    return board.copy(stack=False) if board.turn == chess.WHITE else board.mirror()


def encoded_by_text(board: chess.Board, repetitions: int) -> list[int]:
    """Encodes a position from its FEN text alone."""
    placement, turn, castling, en_passant, clock, _ = board.fen(shredder=True, en_passant="legal").split()
    ranks = placement.split("/")[::-1]
    if turn == "b":
        ranks, castling = [rank.swapcase() for rank in ranks[::-1]], castling.swapcase()
    squares = [piece for rank in ranks for piece in _spelled_out(rank)]
    pieces = [".PNBRQK".find(piece.upper()) * (1 if piece.isupper() else -1) for piece in squares]
    for letter in castling.replace("-", ""):
        file = "ABCDEFGH".index(letter.upper())
        pieces[file if letter.isupper() else 56 + file] = 7 if letter.isupper() else -7
    target = -1
    if en_passant != "-":
        target = "abcdefgh".index(en_passant[0]) + 40
    return [*pieces, target, min(int(clock), 100), min(repetitions, 2)]


def _spelled_out(rank: str) -> str:
    return "".join("." * int(letter) if letter.isdigit() else letter for letter in rank)


def attack_matrix(board: chess.Board) -> np.ndarray:
    """Returns `[from, to]`: the piece on `from` attacks `to`."""
    matrix = np.zeros((64, 64), bool)
    for start in board.piece_map():
        matrix[start, list(board.attacks(start))] = True
    return matrix


def through_matrix(board: chess.Board) -> np.ndarray:
    """Returns `[from, to]`: the slider on `from` would attack `to` if one other piece were gone."""
    matrix = np.zeros((64, 64), bool)
    before = attack_matrix(board)
    for blocker, piece in board.piece_map().items():
        board.remove_piece_at(blocker)
        for start, other in board.piece_map().items():
            if other.piece_type in LINE_MEN:
                matrix[start, list(board.attacks(start))] = True
        board.set_piece_at(blocker, piece)
    return matrix & ~before


def open_line_matrix(board: chess.Board) -> np.ndarray:
    """Returns `[from, to]`: a queen on `from` would attack `to`."""
    matrix = np.zeros((64, 64), bool)
    for start in chess.SQUARES:
        with_queen = board.copy(stack=False)
        with_queen.set_piece_at(start, chess.Piece(chess.QUEEN, chess.WHITE))
        matrix[start, list(with_queen.attacks(start))] = True
    return matrix


def _man_groups(board: chess.Board) -> Iterator[tuple[str, np.ndarray]]:
    pieces = [board.pieces(kind, side) for side in SIDES for kind in chess.PIECE_TYPES]
    yield "piece: side, kind", np.array([square_set.tolist() for square_set in pieces])
    rooks = chess.SquareSet(board.clean_castling_rights())
    rows = [(rooks & board.occupied_co[side]).tolist() for side in SIDES]
    yield "rook that may castle: side", np.array(rows)
    legal = board.ep_square if board.has_legal_en_passant() else None
    yield "en-passant target", np.array([[square == legal for square in chess.SQUARES]])


def _attacker_groups(board: chess.Board) -> Iterator[tuple[str, np.ndarray]]:
    counts = np.array([[len(board.attackers(s, square)) for square in range(64)] for s in SIDES])
    rows = [counts[side] >= least for side in (0, 1) for least in (1, 2, 3)]
    yield "attackers at least 1, 2, 3: side", np.array(rows)
    least = [[min(_kinds(board, s, square), default=0) for square in range(64)] for s in SIDES]
    rows = [np.array(row) == kind for row in least for kind in chess.PIECE_TYPES]
    yield "least valuable attacker: side, kind", np.array(rows)
    through = through_matrix(board)
    rows = [through[list(chess.SquareSet(board.occupied_co[side]))].any(axis=0) for side in SIDES]
    yield "attackers through one piece: side, at least 1", np.array(rows)


def _kinds(board: chess.Board, side: chess.Color, square: chess.Square) -> list[int]:
    return [board.piece_type_at(s) or 0 for s in board.attackers(side, square)]


def _gives_check(board: chess.Board, square: chess.Square, piece: chess.Piece) -> bool:
    king = board.king(not piece.color)
    if square == king:
        return False
    placed = board.copy(stack=False)
    placed.set_piece_at(square, piece)
    return king is not None and king in placed.attacks(square)


def _king_groups(board: chess.Board) -> Iterator[tuple[str, np.ndarray]]:
    kinds = (chess.KNIGHT, chess.BISHOP, chess.ROOK, chess.PAWN)
    pieces = [chess.Piece(kind, side) for side in SIDES for kind in kinds]
    rows = [[_gives_check(board, square, piece) for square in chess.SQUARES] for piece in pieces]
    name = "square gives check to the other king: side, by knight, diagonal, orthogonal, pawn"
    yield name, np.array(rows)
    kings = [board.king(side) or 0 for side in SIDES]
    rows = [[chess.square_distance(k, square) == 1 for square in chess.SQUARES] for k in kings]
    yield "next to the king: side", np.array(rows)
    through, lines = through_matrix(board), np.zeros((2, 64), bool)
    for row, king, side in zip(lines, kings, SIDES, strict=True):
        for sniper in chess.SquareSet(board.occupied_co[not side]):
            if through[sniper, king]:
                row[list(chess.SquareSet.between(sniper, king))] = True
    yield "on a line from a slider through one piece to the king: side of the king", lines


def _arrival_values(board: chess.Board, captures: int) -> np.ndarray:
    """Returns `[side, kind, square]`."""
    values = np.zeros((2, 6, 64))
    for row, side in enumerate(SIDES):
        for square in chess.SQUARES:
            own, theirs = (_kinds(board, s, square) for s in (side, not side))
            victim = board.color_at(square) == (not side)
            captured = WORTH[board.piece_type_at(square) or 0] if victim else 0.0
            for kind in chess.PIECE_TYPES:
                values[row, kind - 1, square] = arrival_value(captured, kind, own, theirs, captures)
    return values


def _exchange_groups(board: chess.Board, values: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    best = np.zeros((2, 64))
    for row, side in enumerate(SIDES):
        for square in chess.SquareSet(board.occupied_co[not side]):
            own = _kinds(board, side, square)
            best[row, square] = max([0.0, *(values[row, kind - 1, square] for kind in own)])
    merged = values.reshape(12, 64)
    name = "exchange value of arriving: side, kind, in units of 4 pawns, clipped to 9 pawns"
    yield name, np.clip(merged, -9, 9) / 4
    yield "exchange value of arriving is a loss: side, kind", merged < 0
    name = "worth of the best capture here: side that captures, in units of 4 pawns"
    yield name, np.clip(best, 0, 9) / 4


def feature_groups(board: chess.Board, repetitions: int, captures: int) -> dict[str, np.ndarray]:
    """Returns every group of features, float32 `[size, S]`, by its name in `FEATURE_GROUPS`.

    Args:
      board: the position.
      repetitions: how often it stood on the board before.
      captures: how many captures an exchange looks at.
    """
    seen = mover_up(board)
    parts: list[Callable[[chess.Board], Iterator[tuple[str, np.ndarray]]]] = [
        _man_groups,
        _attacker_groups,
        _king_groups,
    ]
    groups = {name: rows for part in parts for name, rows in part(seen)}
    values = _arrival_values(seen, captures)
    groups.update(_exchange_groups(seen, values))
    groups.update(threat_groups(seen, values, captures))
    flags = [min(board.halfmove_clock, 100) / 128, repetitions >= 1, repetitions >= 2]
    name = "half-move clock / 128, repetitions at least 1 and 2"
    groups[name] = np.repeat(np.array(flags, np.float32)[:, None], 64, axis=1)
    return {name: rows.astype(np.float32) for name, rows in groups.items()}
