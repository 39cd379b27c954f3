"""Finds the legal moves of chess from attacks, checks and pins, without trying each move.

Pgx makes every move that a piece could make and looks whether the king is then attacked, which costs more than all else
in a game. Here the squares that the king may go to, the squares where a check is met and the lines of pinned pieces are
each computed once. Only captures en passant, which take two pieces off a line, are tried.

Everything is for one position, in the view of the side to move; use `jax.vmap`.
"""

import chex
import jax
import jax.numpy as jnp
import numpy as np

from engine.encoding import geometry
from engine.encoding.attacks import Attacks, attacks_of
from engine.encoding.move_labels import CELLS

_PAWN, _ROOK, _KING = 1, 4, 6
_FIFTH_RANK, _SIXTH_RANK = 32, 40  # first squares
_BETWEEN = geometry.BETWEEN.astype(bool)
# [S king, S, S]: whether two squares lie in the same direction from the king, on a line.
_SAME_RAY = _BETWEEN | _BETWEEN.transpose(0, 2, 1) | np.eye(64, dtype=bool)[None]
_STEP_UP = np.eye(64, k=8, dtype=bool)
_LEAP_UP = np.eye(64, k=16, dtype=bool) & (np.arange(64)[:, None] // 8 == 1)


def legal_cells(pieces: jax.Array, may_castle: jax.Array, pushed_file: jax.Array) -> jax.Array:
    """Returns which policy cells are legal moves, bool `[Z]`; none of a position that is mate or stalemate.

    Args:
      pieces: int8 `[S]`, codes -6 to 6, one king of each side.
      may_castle: bool `[2]`, whether the mover has the right to castle on the queen's and on the king's side.
      pushed_file: int32 `[]`, file on which the opponent has just pushed a pawn two squares, or -1.
    """
    chex.assert_shape([pieces, may_castle], [(64,), (2,)])
    attacks = jax.tree.map(lambda leaf: leaf[0], attacks_of(pieces[None]))
    own, theirs = pieces > 0, pieces < 0
    king = jnp.argmax(pieces == _KING)
    attacked = _attacked(attacks, king, theirs)
    plain = _pseudo_legal(attacks, pieces) & _answers_check(attacks, king, theirs)[None]
    plain &= ~_pinned(attacks, king, own, theirs)[:, None] | jnp.asarray(_SAME_RAY)[king]
    steps = (jnp.asarray(geometry.KING)[king] > 0) & ~own & ~attacked
    is_king = jnp.arange(64) == king
    plain = jnp.where(is_king[:, None], steps[None], plain)
    plain = plain.at[4, jnp.array([2, 6])].set(plain[4, jnp.array([2, 6])] | _castling(pieces, may_castle, attacked))
    plain |= _en_passant(pieces, pushed_file)
    # Under-promotions are legal where the queen's is: cells are ordered by from-file, to-file and piece.
    pawns = (pieces[48:56] == _PAWN)[:, None] & plain[48:56, 56:]  # [8, 8]
    under = jnp.broadcast_to(pawns[:, :, None], (8, 8, 3))
    cells = jnp.concatenate([plain.reshape(4096), under.reshape(192)])
    chex.assert_shape(cells, (CELLS,))
    return cells


def is_in_check(pieces: jax.Array) -> jax.Array:
    """Returns whether the mover's king is attacked, bool `[]`; `pieces` is int8 `[S]`, codes -6 to 6."""
    king = jnp.argmax(pieces == _KING)
    blocked = (jnp.asarray(_BETWEEN)[king] & (pieces != 0)[None]).any(axis=1)  # [S]
    # Index order is from, to: the opponent's pieces attack from their squares to the king's.
    pawn, knight, diagonal, orthogonal, neighbour = (
        jnp.asarray(table.T.astype(bool))[king]
        for table in (geometry.PAWN_DOWN, geometry.KNIGHT, geometry.DIAGONAL, geometry.ORTHOGONAL, geometry.KING)
    )
    is_queen = pieces == -5
    attacks = (pieces == -1) & pawn | (pieces == -2) & knight | (pieces == -6) & neighbour
    attacks |= ~blocked & diagonal & ((pieces == -3) | is_queen)
    attacks |= ~blocked & orthogonal & ((pieces == -4) | is_queen)
    return attacks.any()


def en_passant_captures(pieces: jax.Array, file: jax.Array) -> jax.Array:
    """Returns whether a pawn to the left, and one to the right, may capture the pawn that was just pushed, bool `[2]`.

    Args:
      pieces: int8 `[S]`, the opponent's pawn already on the fifth rank.
      file: int32 `[]`, its file, at least 0.
    """

    def can_capture_from(side: jax.Array) -> jax.Array:
        on_board = (file + side >= 0) & (file + side < 8)
        start = _FIFTH_RANK + jnp.clip(file + side, 0, 7)
        after = pieces.at[start].set(0).at[_FIFTH_RANK + file].set(0).at[_SIXTH_RANK + file].set(1)
        return on_board & (pieces[start] == 1) & ~is_in_check(after)

    return jax.vmap(can_capture_from)(jnp.array([-1, 1]))


def _attacked(attacks: Attacks, king: jax.Array, theirs: jax.Array) -> jax.Array:
    """Returns the squares that the opponent attacks, bool `[S]`, also those that the mover's king now shields."""
    behind = (attacks.through > 0) & jnp.asarray(_BETWEEN.transpose(2, 0, 1))[king]
    return jnp.any(((attacks.direct > 0) | behind) & theirs[:, None], axis=0)


def _pseudo_legal(attacks: Attacks, pieces: jax.Array) -> jax.Array:
    """Returns the moves of all pieces but the king, whatever happens to the king, bool `[S from, S to]`."""
    own, theirs, is_empty = pieces > 0, pieces < 0, pieces == 0
    is_pawn = pieces == _PAWN
    reached = (attacks.direct > 0) & own[:, None]
    targets = jnp.where(is_pawn[:, None], theirs[None], ~own[None])
    step = jnp.asarray(_STEP_UP) & is_empty[None]
    # Whether the square that a pawn leaps over is empty: the one ahead of it.
    leap = jnp.asarray(_LEAP_UP) & is_empty[None] & jnp.roll(is_empty, -8)[:, None]
    return (reached & targets) | ((step | leap) & is_pawn[:, None])


def _answers_check(attacks: Attacks, king: jax.Array, theirs: jax.Array) -> jax.Array:
    """Returns where a piece other than the king must go so that no check is left, bool `[S]`."""
    checkers = (attacks.direct[:, king] > 0) & theirs
    count = jnp.sum(checkers)
    lines = jnp.any(checkers[:, None] & jnp.asarray(_BETWEEN)[king], axis=0)
    return jnp.where(count == 0, True, (count == 1) & (checkers | lines))


def _pinned(attacks: Attacks, king: jax.Array, own: jax.Array, theirs: jax.Array) -> jax.Array:
    """Returns the mover's pieces that alone stand between a slider and the king, bool `[S]`."""
    pinners = (attacks.through[:, king] > 0) & theirs
    return own & jnp.any(pinners[:, None] & jnp.asarray(_BETWEEN)[king], axis=0)


def _castling(pieces: jax.Array, may_castle: jax.Array, attacked: jax.Array) -> jax.Array:
    """Returns whether the king may castle on the queen's and on the king's side, bool `[2]`."""
    is_empty, is_safe = pieces == 0, ~attacked
    queen = (pieces[0] == _ROOK) & is_empty[1:4].all() & is_safe[2:5].all()
    king = (pieces[7] == _ROOK) & is_empty[5:7].all() & is_safe[4:7].all()
    return may_castle & (pieces[4] == _KING) & jnp.stack([queen, king])


def _en_passant(pieces: jax.Array, pushed_file: jax.Array) -> jax.Array:
    """Returns the captures en passant, bool `[S from, S to]`."""
    file = jnp.maximum(pushed_file, 0)
    can_capture = en_passant_captures(pieces, file) & (pushed_file >= 0)
    starts = _FIFTH_RANK + jnp.clip(file + jnp.array([-1, 1]), 0, 7)
    is_start = jnp.any((jnp.arange(64)[None] == starts[:, None]) & can_capture[:, None], axis=0)
    return is_start[:, None] & (jnp.arange(64) == _SIXTH_RANK + file)[None]
