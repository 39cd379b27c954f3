"""Holds the positions of many games as sets of squares, finds the moves meant in all of them, and makes them.

Axis letters: G games, n some of them.
"""

from collections.abc import Sequence

import chess
import numpy as np

ANY = 8  # a move does not say which file or rank it starts from
_U = np.uint64
_PAWN, _KNIGHT, _BISHOP, _ROOK, _QUEEN, _KING = range(1, 7)


def _table(squares: Sequence[int] | Sequence[Sequence[int]]) -> np.ndarray:
    return np.array(squares, _U)


_BIT = _table([1 << square for square in range(64)])
_FILES = _table([*chess.BB_FILES, chess.BB_ALL])
_RANKS = _table([*chess.BB_RANKS, chess.BB_ALL])
_KNIGHT_REACH, _KING_REACH = _table(chess.BB_KNIGHT_ATTACKS), _table(chess.BB_KING_ATTACKS)
_DIAGONALS = _table([chess.BB_DIAG_ATTACKS[square][0] for square in range(64)])
_LINES = _table([chess.BB_RANK_ATTACKS[square][0] | chess.BB_FILE_ATTACKS[square][0] for square in range(64)])
_BETWEEN = _table([[chess.between(start, end) for end in range(64)] for start in range(64)])
_PAWN_TAKES = _table([chess.BB_PAWN_ATTACKS[color] for color in (False, True)])  # [color, square]
# Where a pawn that steps to a square may come from, [color, square].
_PAWN_STEPS = _table(
    [
        [
            sum(
                1 << from_square
                for from_square in (square - step, square - 2 * step)
                if 8 <= from_square < 56 and (from_square == square - step or square // 8 == (3 if step > 0 else 4))
            )
            for square in range(64)
        ]
        for step in (-8, 8)
    ]
)
_REACH = np.stack(
    [np.zeros(64, _U), np.zeros(64, _U), _KNIGHT_REACH, _DIAGONALS, _LINES, _DIAGONALS | _LINES, _KING_REACH]
)
_DEBRUIJN = _U(0x03F79D71B4CB0A89)
_INDEX = np.zeros(64, np.int64)
_INDEX[(_BIT * _DEBRUIJN) >> _U(58)] = np.arange(64)
# Rights to castle that remain when a square is left or taken: bits of White's h and a rook, Black's h and a rook.
_KEEPS = np.full(64, 15, np.uint8)
for _square, _lost in ((4, 3), (7, 1), (0, 2), (60, 12), (63, 4), (56, 8)):
    _KEEPS[_square] = 15 - _lost
_LAST_RANKS = _U(chess.BB_RANK_1 | chess.BB_RANK_8)


class BoardBatch:
    """Positions of G games in which the same side is to move, as sets of squares in 64 bits.

    Args:
      games: G.
    """

    def __init__(self, games: int) -> None:
        board = chess.Board()
        kinds = [0, board.pawns, board.knights, board.bishops, board.rooks, board.queens, board.kings]
        self._kinds = np.repeat(_table(kinds)[:, None], games, axis=1)  # [7, G]
        self._colors = np.repeat(_table(board.occupied_co)[:, None], games, axis=1)  # [2, G], Black first
        self._rights = np.full(games, 15, np.uint8)
        self._passed = np.full(games, -1, np.int64)  # the square that a pawn passed by its double step

    def play(self, wanted: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Plays moves.

        Args:
          wanted: `[plies, G]`, bits from the lowest on: target 6, piece 3, file 4, rank 4, promotion 3, castling 2
            (1 king's side, 2 queen's), capture 1. Pieces count from 1, pawn to king; 0 for no promotion or castling.
          counts: plies of each game `[G]`, descending.

        Returns:
          Moves `[plies, G]` as from + 64 to + 4096 promotion, and which games have one that is not certain `[G]`.
        """
        found = np.zeros(wanted.shape, np.int64)
        failed = np.zeros(len(counts), bool)
        for ply, codes in enumerate(wanted):
            games = np.flatnonzero((counts > ply) & ~failed)
            if not len(games):
                break
            start, is_sure = self._origins(games, codes[games], ply % 2 == 0)
            failed[games[~is_sure]] = True
            games, start = games[is_sure], start[is_sure]
            found[ply, games] = self._push(games, codes[games], start, int(ply % 2 == 0))
        return found, failed

    def _origins(self, games: np.ndarray, codes: np.ndarray, white: bool) -> tuple[np.ndarray, np.ndarray]:
        """Returns the squares that the moves start from, and whether each is the only legal one, `[n]` both."""
        start, sure = np.full(len(games), 4 if white else 60), np.zeros(len(games), bool)
        castles = codes >> 20 & 3
        normal = np.flatnonzero(castles == 0)
        start[normal], sure[normal] = self._normal_origins(games[normal], codes[normal], int(white))
        for side in (1, 2):
            those = np.flatnonzero(castles == side)
            if len(those):
                sure[those] = self._may_castle(games[those], side, int(white))
        return start, sure

    def _normal_origins(self, games: np.ndarray, codes: np.ndarray, color: int) -> tuple[np.ndarray, np.ndarray]:
        target, piece = codes & 63, codes >> 6 & 7
        file, promotion, captures = codes >> 9 & 15, codes >> 17 & 7, codes >> 22 & 1 != 0
        own, other = self._colors[color, games], self._colors[1 - color, games]
        bit, is_pawn = _BIT[target], piece == _PAWN
        takes_pawn = is_pawn & (target == self._passed[games]) & (captures | (file != ANY))
        is_capture = (other & bit != 0) | takes_pawn
        pawn_reach = np.where(is_capture, _PAWN_TAKES[1 - color, target], _PAWN_STEPS[color, target])
        reach = np.where(is_pawn, pawn_reach, _REACH[piece, target])
        left = own & self._kinds[piece, games] & reach & _FILES[file] & _RANKS[codes >> 13 & 15]
        possible = (own & bit == 0) & (is_capture | ~captures)
        possible &= ~is_pawn | (is_capture == (file != ANY))  # a pawn's capture names the file
        possible &= (promotion != 0) == (is_pawn & (_LAST_RANKS & bit != 0))
        left = np.where(possible, left, _U(0))
        start, ways = np.zeros(len(games), np.int64), np.zeros(len(games), np.int64)
        while len(some := np.flatnonzero(left)):
            lowest = left[some] & (~left[some] + _U(1))
            left[some] ^= lowest
            origin = _INDEX[(lowest * _DEBRUIJN) >> _U(58)]
            taken = np.where(takes_pawn[some], target[some] + (-8 if color else 8), target[some])
            legal = self._is_legal(games[some], origin, target[some], taken, color)
            ways[some] += legal
            start[some] = np.where(legal, origin, start[some])
        return start, ways == 1

    def _is_legal(
        self, games: np.ndarray, start: np.ndarray, target: np.ndarray, taken: np.ndarray, color: int
    ) -> np.ndarray:
        """Returns whether the way is free and the own king not attacked after the move, `[n]`."""
        own, other = self._colors[color, games], self._colors[1 - color, games]
        free = (own | other) & _BETWEEN[start, target] == 0
        other = other & ~_BIT[taken]
        occupied = ((own ^ _BIT[start]) | other) | _BIT[target]
        kings = own & self._kinds[_KING, games]
        king = np.where(kings == _BIT[start], target, _INDEX[(kings * _DEBRUIJN) >> _U(58)])
        return free & ~self._is_attacked(games, king, occupied, other, color)

    def _is_attacked(
        self, games: np.ndarray, square: np.ndarray, occupied: np.ndarray, other: np.ndarray, color: int
    ) -> np.ndarray:
        """Returns whether the pieces `other` attack a square of the side `color`, `[n]`."""
        kinds = self._kinds
        near = kinds[_KNIGHT, games] & _KNIGHT_REACH[square] | kinds[_KING, games] & _KING_REACH[square]
        attacked = other & (near | kinds[_PAWN, games] & _PAWN_TAKES[color, square]) != 0
        queens = kinds[_QUEEN, games]
        far = (kinds[_BISHOP, games] | queens) & _DIAGONALS[square] | (kinds[_ROOK, games] | queens) & _LINES[square]
        left = np.where(attacked, _U(0), far & other)
        while len(some := np.flatnonzero(left)):
            lowest = left[some] & (~left[some] + _U(1))
            left[some] ^= lowest
            origin = _INDEX[(lowest * _DEBRUIJN) >> _U(58)]
            reaches = _BETWEEN[origin, square[some]] & occupied[some] == 0
            attacked[some] |= reaches
            left[some[reaches]] = 0
        return attacked

    def _may_castle(self, games: np.ndarray, side: int, color: int) -> np.ndarray:
        king = 4 if color else 60
        rook, steps = (king + 3, (0, 1, 2)) if side == 1 else (king - 4, (0, -1, -2))
        right = side if color else side << 2
        other = self._colors[1 - color, games]
        occupied = self._colors[color, games] | other
        free = (occupied & _BETWEEN[king, rook] == 0) & (self._rights[games] & right != 0)
        for step in steps:
            square = np.full(len(games), king + step)
            free &= ~self._is_attacked(games, square, occupied, other, color)
        return free

    def _push(self, games: np.ndarray, codes: np.ndarray, start: np.ndarray, color: int) -> np.ndarray:
        """Makes moves that are legal and returns them, `[n]`."""
        castles, promotion = codes >> 20 & 3, codes >> 17 & 7
        target = np.where(castles == 0, codes & 63, start + np.where(castles == 1, 2, -2))
        piece = np.where(castles == 0, codes >> 6 & 7, _KING)
        is_pawn = piece == _PAWN
        taken = np.where(is_pawn & (target == self._passed[games]), target + (-8 if color else 8), target)
        self._kinds[:, games] &= ~(_BIT[taken] | _BIT[start])
        self._colors[1 - color, games] &= ~_BIT[taken]
        self._colors[color, games] ^= _BIT[start] | _BIT[target]
        self._kinds[np.where(promotion == 0, piece, promotion), games] |= _BIT[target]
        for side, (origin, end) in ((1, (3, 1)), (2, (-4, -1))):
            those = castles == side
            both = _BIT[start[those] + origin] | _BIT[start[those] + end]
            self._kinds[_ROOK, games[those]] ^= both
            self._colors[color, games[those]] ^= both
        self._rights[games] &= _KEEPS[start] & _KEEPS[target]
        self._passed[games] = np.where(is_pawn & (abs(target - start) == 16), (start + target) // 2, -1)
        return start | target << 6 | promotion << 12
