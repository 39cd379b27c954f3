"""Judges every move of a position of chess by static exchanges, one ply deep: what a sensible beginner sees.

A move is worth what its piece captures, and what it becomes, less the best that the opponent then wins in one exchange:
of the piece that moved, where it arrives, or of another piece, which may have lost its guard. Everything is counted on
the board before the move, with the exchange values that are also inputs of the network.
"""

import chex
import jax
import jax.numpy as jnp
import numpy as np

from engine.encoding.attacks import KINDS, attacker_counts, attacks_of
from engine.encoding.exchange import PIECE_VALUES, dangers
from engine.encoding.move_labels import CELLS
from engine.encoding.position import EN_PASSANT
from training.games.chess_legality import is_in_check
from training.games.pgx_chess import turned_over

_KINDS = np.arange(1, KINDS + 1)
_PAWN, _ROOK, _QUEEN, _KING = 1, 4, 5, 6
_CELLS = np.arange(CELLS, dtype=np.int32)
_IS_UNDER = _CELLS >= 4096
_UNDER = np.maximum(_CELLS - 4096, 0)
_FROM = np.where(_IS_UNDER, 48 + _UNDER // 24, _CELLS // 64)
_TO = np.where(_IS_UNDER, 56 + _UNDER // 3 % 8, _CELLS % 64)
_UNDER_PROMOTION = np.where(_IS_UNDER, 4 - _UNDER % 3, 0)  # rook 4, bishop 3, knight 2
# A king cannot be captured, so that it is worth nothing where it stands.
_STANDING = np.array([0.0, *PIECE_VALUES[:5], 0.0], np.float32)  # by piece type, 0 for none


def exchange_scores(position: jax.Array, cells: jax.Array) -> jax.Array:
    """Returns the worth of moves in pawns, float32 `[N]`.

    Args:
      position: int8 `[P]`.
      cells: int32 `[N]`, policy cells of legal moves; of others the worth has no meaning.
    """
    chex.assert_rank([position, cells], [1, 1])
    attacks = attacks_of(position[None])
    counts = attacker_counts(attacks.pieces, attacks.direct)[0]  # [2, 6, S]
    own, theirs = counts
    pieces = _plain(position)
    start, end, arrives = _moves(pieces, cells)
    piece, captured = pieces[start], jnp.maximum(-pieces[end], 0)
    is_en_passant = (piece == _PAWN) & (end == position[EN_PASSANT])
    worth = jnp.asarray(_STANDING)
    gain = worth[captured] + is_en_passant + worth[arrives] - worth[piece]
    # The piece that moves no longer guards the square it arrives on, unless it is a pawn that was pushed there.
    leaves = (piece != _PAWN) | (captured > 0) | is_en_passant
    mover = (jnp.asarray(_KINDS)[None] == piece[:, None]) & leaves[:, None]  # [N, 6]
    guards = jnp.maximum(own[:, end].T - mover, 0.0)  # [N, 6]
    lost = dangers(worth[arrives][:, None], theirs[:, end].T[:, :, None], guards[:, :, None])[:, 0]
    return gain - jnp.maximum(lost, _hanging(pieces, own, theirs, attacks.direct[0])[start])


def checking_moves(position: jax.Array, cells: jax.Array) -> jax.Array:
    """Returns which legal moves give check, bool `[N]`.

    Args:
      position: int8 `[P]`.
      cells: int32 `[N]`, policy cells.
    """
    pieces = _plain(position)
    start, end, arrives = _moves(pieces, cells)

    def gives_check(start: jax.Array, end: jax.Array, arrives: jax.Array) -> jax.Array:
        after = pieces.at[start].set(0).at[end].set(arrives.astype(jnp.int8))
        is_en_passant = (pieces[start] == _PAWN) & (end == position[EN_PASSANT])
        behind = jnp.maximum(end - 8, 0)
        after = after.at[behind].set(jnp.where(is_en_passant, 0, after[behind]))
        castles = (pieces[start] == _KING) & (jnp.abs(end - start) == 2)
        corner, beside = jnp.where(end > start, 7, 0), (start + end) // 2
        castled = after.at[corner].set(0).at[beside].set(_ROOK)
        return is_in_check(turned_over(jnp.where(castles, castled, after)))

    return jax.vmap(gives_check)(start, end, arrives)


def _plain(position: jax.Array) -> jax.Array:
    """Returns the pieces int8 `[S]`, rooks that may castle as rooks."""
    pieces = position[:64]
    return jnp.where(jnp.abs(pieces) == 7, jnp.sign(pieces) * _ROOK, pieces).astype(jnp.int8)


def _moves(pieces: jax.Array, cells: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Returns from-square, to-square and the piece type that arrives, int32 `[N]` each."""
    start, end, under = (jnp.asarray(table)[cells] for table in (_FROM, _TO, _UNDER_PROMOTION))
    piece = pieces[start].astype(jnp.int32)
    promoted = jnp.where(under > 0, under, _QUEEN)
    return start, end, jnp.where((piece == _PAWN) & (end >= 56), promoted, piece)


def _hanging(pieces: jax.Array, own: jax.Array, theirs: jax.Array, direct: jax.Array) -> jax.Array:
    """Returns what the best exchange wins of the mover's other pieces if the one on a square leaves, `[S]`.

    Args:
      pieces: int8 `[S]`.
      own: `[6, S]` the mover's attackers of each square.
      theirs: `[6, S]` the opponent's.
      direct: `[S, S]`, whether the piece on the first square attacks the second.
    """
    standing = jnp.asarray(_STANDING)[jnp.maximum(pieces, 0)]
    fewer = jnp.maximum(own[None] - jnp.eye(KINDS)[:, :, None], 0.0)  # [6, 6, S] by the kind that leaves
    guarded, alone = dangers(standing, theirs, own), dangers(standing[None], theirs[None], fewer)  # [S], [6, S]
    without = alone[jnp.maximum(pieces - 1, 0)]  # [S from, S]
    lost = jnp.where(direct > 0, without, guarded[None])
    return jnp.max(jnp.where(jnp.eye(64, dtype=bool), 0.0, lost), axis=1)
