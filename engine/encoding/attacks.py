"""Finds which pieces attack which squares, as array functions for NumPy and JAX alike.

Every function takes the array namespace from its argument, so the same code runs on the host and inside a compiled
program. Counts are small integers held in float32, where they are exact, because float32 products are the fast ones on
both sides.
"""

from typing import Any, NamedTuple

from engine.encoding import geometry

# An array of NumPy or of JAX; both offer the array API's namespace.
Array = Any

KINDS = 6  # pawn, knight, bishop, rook, queen, king


class Attacks(NamedTuple):
    """Holds the attack relations of a batch of boards; index order from, to."""

    pieces: Array  # [B, 2, 6, S] float32, 1 where a piece stands: side (0 mover, 1 opponent), kind, square
    direct: Array  # [B, S, S] float32, 1 where the piece on `from` attacks `to`
    through: Array  # [B, S, S] float32, 1 where a slider on `from` attacks `to` through exactly one piece in between
    open_lines: Array  # [B, S, S] float32, 1 where nothing stands strictly between two squares of one line


def pieces_of(position: Array) -> Array:
    """Returns one-hot pieces.

    Args:
      position: int8 `[B, P]` encoded positions.

    Returns:
      float32 `[B, 2, 6, S]`: side (0 mover, 1 opponent), kind (pawn to king), square.
    """
    xp = position.__array_namespace__()
    piece = position[:, :64]
    kind = xp.where(abs(piece) == 7, xp.asarray(4, dtype=xp.int8), abs(piece))
    kinds = xp.arange(1, KINDS + 1, dtype=xp.int8)
    is_kind = kind[:, None, :] == kinds[None, :, None]  # [B, 6, S]
    own, theirs = is_kind & (piece > 0)[:, None, :], is_kind & (piece < 0)[:, None, :]
    return xp.astype(xp.stack([own, theirs], axis=1), xp.float32)


def attacks_of(position: Array) -> Attacks:
    """Computes the attack relations of a batch of boards.

    Args:
      position: int8 `[B, P]` encoded positions.

    Returns:
      The relations, each float32 with entries 0 and 1.
    """
    xp = position.__array_namespace__()
    pieces = pieces_of(position)
    occupied = xp.sum(pieces, axis=(1, 2))  # [B, S]
    between = xp.asarray(geometry.BETWEEN.reshape(4096, 64).T)
    blockers = xp.reshape(occupied @ between, (-1, 64, 64))  # [B, S, S] pieces strictly between
    either = pieces[:, 0] + pieces[:, 1]  # [B, 6, S]
    diagonal_pieces, orthogonal_pieces = either[:, 2] + either[:, 4], either[:, 3] + either[:, 4]  # [B, S]
    diagonal, orthogonal = xp.asarray(geometry.DIAGONAL), xp.asarray(geometry.ORTHOGONAL)
    lines = diagonal_pieces[:, :, None] * diagonal[None] + orthogonal_pieces[:, :, None] * orthogonal[None]
    steps = (
        pieces[:, 0, 0, :, None] * xp.asarray(geometry.PAWN_UP)[None]
        + pieces[:, 1, 0, :, None] * xp.asarray(geometry.PAWN_DOWN)[None]
        + either[:, 1, :, None] * xp.asarray(geometry.KNIGHT)[None]
        + either[:, 5, :, None] * xp.asarray(geometry.KING)[None]
    )
    is_open = xp.astype(blockers == 0, xp.float32)
    one_blocker = xp.astype(blockers == 1, xp.float32)
    return Attacks(
        pieces=pieces,
        direct=steps + lines * is_open,
        through=lines * one_blocker,
        open_lines=(diagonal + orthogonal)[None] * is_open,
    )


def attacker_counts(pieces: Array, relation: Array) -> Array:
    """Counts the attackers of every square.

    Args:
      pieces: float32 `[B, 2, 6, S]`.
      relation: float32 `[B, S, S]`, from `Attacks`.

    Returns:
      float32 `[B, 2, 6, S]`: how many pieces of each side and kind attack each square.
    """
    xp = pieces.__array_namespace__()
    by_kind = xp.reshape(pieces, (-1, 2 * KINDS, 64)) @ relation  # [B, 12, S]
    return xp.reshape(by_kind, (-1, 2, KINDS, 64))
