"""Mirrors encoded positions and policy cells left to right.

Mirroring the files of a position without castling rights gives a position of the same worth, whose
legal moves are the mirror images of the original's.
"""

import numpy as np

from engine.encoding.attacks import Array
from engine.encoding.move_labels import CELLS
from engine.encoding.position import CASTLING_ROOK, EN_PASSANT, POSITION_SIZE

_FILES = 7  # square ^ 7 mirrors the file
_PLAIN_CELLS = 64 * 64
_MIRRORED_SQUARE = np.arange(64) ^ _FILES


def can_be_mirrored(positions: Array) -> Array:
    """Returns bool `[B]`: positions in which neither side has castling rights.

    Args:
      positions: int8 `[B, P]`.
    """
    _check_positions(positions)
    return ~(abs(positions[:, :64]) == CASTLING_ROOK).any(1)


def mirror_positions(positions: Array) -> Array:
    """Returns the mirror images, int8 `[B, P]`, of positions without castling rights.

    Args:
      positions: int8 `[B, P]`.
    """
    _check_positions(positions)
    xp = positions.__array_namespace__()
    en_passant = positions[:, EN_PASSANT : EN_PASSANT + 1]
    mirrored = xp.where(en_passant >= 0, en_passant ^ _FILES, en_passant)
    return xp.concat([positions[:, _MIRRORED_SQUARE], mirrored, positions[:, EN_PASSANT + 1 :]], axis=1)


def mirror_cells(cells: Array) -> Array:
    """Returns the mirror images of policy cells, in the shape and type given; -1 stays.

    Args:
      cells: signed integers in -1..4287, of any shape.
    """
    return cells.__array_namespace__().asarray(_MIRRORED_CELL, dtype=cells.dtype)[cells]


def _check_positions(positions: Array) -> None:
    if positions.ndim != 2 or positions.shape[1] != POSITION_SIZE:
        raise ValueError(f"expected positions [B, {POSITION_SIZE}], got {positions.shape}")


def _mirrored_cells() -> np.ndarray:
    """Returns int32 `[Z + 1]`; the last entry serves cell -1, NumPy's index from the end."""
    plain = np.arange(_PLAIN_CELLS)
    from_square, to_square = plain // 64 ^ _FILES, plain % 64 ^ _FILES
    files, piece = np.divmod(np.arange(CELLS - _PLAIN_CELLS), 3)
    from_file, to_file = files // 8 ^ _FILES, files % 8 ^ _FILES
    under_promotions = _PLAIN_CELLS + (from_file * 8 + to_file) * 3 + piece
    return np.concatenate([from_square * 64 + to_square, under_promotions, [-1]]).astype(np.int32)


_MIRRORED_CELL = _mirrored_cells()
