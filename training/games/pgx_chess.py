"""Plays chess by Pgx's rules in the engine's encoding, on the device.

Pgx plays the games of self-play, python-chess those of the engine. Both must show the network the same bytes, so that a
position is converted here with python-chess's meaning of every field:

* Pgx counts squares down the files (a1 = 0, a2 = 1), we along the ranks (a1 = 0, b1 = 1).
* Pgx remembers the en-passant square after every double push, we only while such a capture is legal. Its hashes hold
  the square too, so a position right after a double push never equals its repetitions. Such a position can only be the
  oldest of those that the current one may repeat (a double push is irreversible), and its hash is known but for the
  file; whether the capture was legal then is seen on the current board, which is the same.
* Pgx holds the initial position's hash as a number that newer versions of jax, whose random tables differ, do not
  reproduce; a return to that position would never count as a repetition.

Everything here is for one state; use `jax.vmap`. The counts are right for states that were played from `start_state`;
Pgx's FEN loader invents a past.
"""

import chex
import jax
import jax.numpy as jnp
import numpy as np

from engine.encoding.move_labels import CELL_OF_LABEL, CELLS, LABEL_OF_CELL, LABELS
from training.games import pgx_rules
from training.games.chess_legality import en_passant_captures, is_in_check, legal_cells
from training.games.pgx_rules import State

_CASTLING_CORNERS = np.array([[0, 7], [56, 63]])  # a1, h1, a8, h8 in the mover's view, as Pgx orders the rights
_CASTLING_MARK = np.array([[3, 3], [-3, -3]], np.int8)  # from a rook (4) to one that may castle (7)
_SIXTH_RANK = 40  # first square


def start_state(key: jax.Array) -> State:
    """Returns the initial position, with a history from which Pgx recognises a repetition of it.

    Args:
      key: PRNG key that decides which player has White.

    Returns:
      A single state, with a blank observation: `position_of_state` takes its place.
    """
    state = pgx_rules.start("chess", key)
    past = state._x.hash_history.at[0].set(pgx_rules.initial_chess_hash())
    return state.replace(_x=state._x._replace(hash_history=past))


def state_of_pieces(key: jax.Array, pieces: jax.Array, color: jax.Array) -> State:
    """Returns a position without castling or en passant as the first one of its game.

    Args:
      key: decides which player has White.
      pieces: int8 `[S]` in the view of the side to move, codes -6 to 6.
      color: int32 `[]`, 0 if White is to move, 1 if Black.
    """
    board = pieces.reshape(8, 8).T.reshape(64).astype(jnp.int32)
    return pgx_rules.chess_state(key, board, color, _find_moves)


def step_state(state: State, label: jax.Array) -> State:
    """Plays a move by Pgx's rules.

    Args:
      state: a single state from `start_state`; one that is terminated stays as it is.
      label: int32 `[]`, a legal Pgx label 0..4671.

    Returns:
      The state after the move, with a blank observation.
    """
    return pgx_rules.play_chess(state, label, _find_moves)


def position_of_state(state: State) -> jax.Array:
    """Encodes a state as `encode_position` encodes the python-chess board of the same game.

    Args:
      state: a single state, played from `start_state`.

    Returns:
      int8 `[P]`, laid out as in `engine.encoding.position`.
    """
    game = state._x
    pieces = game.board.reshape(8, 8).T.reshape(64).astype(jnp.int8)
    earlier, pushed_file = _earlier_occurrences(game)
    file = jnp.where(game.en_passant >= 0, game.en_passant // 8, pushed_file)
    can_capture = (file >= 0) & en_passant_captures(pieces, jnp.maximum(file, 0)).any()
    target = jnp.where((game.en_passant >= 0) & can_capture, _SIXTH_RANK + file, -1)
    repeats_the_push = (game.en_passant < 0) & (pushed_file >= 0) & ~can_capture
    clock = jnp.minimum(game.halfmove_count, 100)
    repetitions = jnp.minimum(earlier + repeats_the_push, 2)
    marks = jnp.where(game.castling_rights, _CASTLING_MARK, jnp.int8(0))
    pieces = pieces.at[_CASTLING_CORNERS].add(marks)
    return jnp.concatenate([pieces, jnp.stack([target, clock, repetitions]).astype(jnp.int8)])


def turned_over(pieces: jax.Array) -> jax.Array:
    """Returns pieces int8 `[S]` as the opponent sees them."""
    return -pieces.reshape(8, 8)[::-1].reshape(64)


def legal_cells_of_state(state: State) -> jax.Array:
    """Returns which policy cells are legal moves.

    Args:
      state: a single state; of a finished game Pgx calls every label legal, and so are their cells.

    Returns:
      bool `[Z]`.
    """
    chex.assert_shape(state.legal_action_mask, (LABELS,))
    cells = state.legal_action_mask[np.maximum(LABEL_OF_CELL, 0)] & (LABEL_OF_CELL >= 0)
    chex.assert_shape(cells, (CELLS,))
    return cells


def _find_moves(game: pgx_rules.ChessGame) -> tuple[jax.Array, jax.Array]:
    """Returns which labels are legal moves, bool `[A]`, and whether the side to move is in check, bool `[]`."""
    pieces = game.board.reshape(8, 8).T.reshape(64).astype(jnp.int8)
    pushed_file = jnp.where(game.en_passant >= 0, game.en_passant // 8, -1)
    cells = legal_cells(pieces, game.castling_rights[0], pushed_file)
    return cells[np.maximum(CELL_OF_LABEL, 0)] & (CELL_OF_LABEL >= 0), is_in_check(pieces)


def _earlier_occurrences(game: pgx_rules.ChessGame) -> tuple[jax.Array, jax.Array]:
    """Counts earlier occurrences by hash.

    Returns:
      int32 `[]` those without an en-passant square, and int32 `[]` the file of the double push after which this
      position stood on the board for the first time, -1 if it did not.
    """
    past = game.hash_history  # [512 + 1, 2], the current position first
    written_down = (past == pgx_rules.WRITTEN_INITIAL_HASH[None]).all(axis=1, keepdims=True)
    past = jnp.where(written_down, pgx_rules.initial_chess_hash()[None], past)
    current = past[:1]
    is_reachable = jnp.arange(past.shape[0]) <= game.halfmove_count
    same = (past == current).all(axis=1) & is_reachable
    # Row 64 is "no square"; Pgx's e.p. squares are on the sixth rank, file * 8 + 5.
    keys = pgx_rules.EN_PASSANT_KEYS
    after_push = current ^ keys[64:] ^ keys[5:64:8]  # [8, 2]
    oldest = past[jnp.minimum(game.halfmove_count, past.shape[0] - 1)]
    is_push = (after_push == oldest[None]).all(axis=1)
    return same.sum() - 1, jnp.where(is_push.any(), jnp.argmax(is_push), -1)
