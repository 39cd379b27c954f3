"""Holds tables of the empty board: which square reaches which, and which squares lie between.

All squares are rank * 8 + file in the mover's view, so the mover's pawns go up. Index order is always from, to.

    56 57 58 59 60 61 62 63
    ..                   ..        a "line" is a rank or file (orthogonal) or a diagonal
     8  9 10 11 12 13 14 15        "between" excludes both ends
     0  1  2  3  4  5  6  7
"""

import numpy as np

_RANK, _FILE = np.divmod(np.arange(64), 8)
RANK_STEP = _RANK[None, :] - _RANK[:, None]  # [S, S] rank of `to` minus rank of `from`
FILE_STEP = _FILE[None, :] - _FILE[:, None]  # [S, S]

_ranks, _files = np.abs(RANK_STEP), np.abs(FILE_STEP)
KNIGHT = (_ranks * _files == 2).astype(np.float32)  # [S, S]
KING = (np.maximum(_ranks, _files) == 1).astype(np.float32)
ORTHOGONAL = ((_ranks == 0) ^ (_files == 0)).astype(np.float32)
DIAGONAL = ((_ranks == _files) & (_ranks > 0)).astype(np.float32)
PAWN_UP = ((RANK_STEP == 1) & (_files == 1)).astype(np.float32)  # captures of the mover's pawns
PAWN_DOWN = PAWN_UP.T.copy()  # captures of the opponent's pawns
AHEAD = ((RANK_STEP > 0) & (_files <= 1)).astype(np.float32)  # for the mover: on the same file and the next ones


def _between() -> np.ndarray:
    squares = np.zeros((64, 64, 64), np.float32)
    for start, end in zip(*np.nonzero(ORTHOGONAL + DIAGONAL), strict=True):
        distance = max(_ranks[start, end], _files[start, end])
        step = (RANK_STEP[start, end] * 8 + FILE_STEP[start, end]) // distance
        squares[start, end, [start + step * i for i in range(1, distance)]] = 1
    return squares


BETWEEN = _between()  # [S from, S to, S] 1 where the third square lies strictly between the first two on a line
