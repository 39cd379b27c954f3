"""The rules of the games that are learned by self-play, from Pgx; no other file imports Pgx.

States carry no observation of Pgx's: it is replaced by a blank, so that what computes it is left out of the compiled
program; `planes` computes it for those who want it. Everything is for one state; use `jax.vmap`.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pgx
from pgx._src.games import chess as chess_rules

State = Any  # of a game of Pgx: current_player, rewards [2], terminated, legal_action_mask, and its own fields
ChessGame = chess_rules.GameState
# A game to its legal labels, bool [A], and whether the side to move is in check, bool [].
FindMoves = Callable[[Any], tuple[jax.Array, jax.Array]]
WRITTEN_INITIAL_HASH = np.asarray(chess_rules.INIT_ZOBRIST_HASH)
EN_PASSANT_KEYS = chess_rules.ZOBRIST_EN_PASSANT


def start(game: str, key: jax.Array) -> State:
    """Returns the initial position of a game; the key decides which player begins."""
    with jax.numpy_rank_promotion("allow"):  # Pgx relies on it
        return _without_observation(_environment(game).init(key))


def play(game: str, state: State, label: jax.Array) -> State:
    """Plays a legal move, int32 `[]` in Pgx's numbering; a state that is terminated stays as it is."""
    with jax.numpy_rank_promotion("allow"):
        return _without_observation(_environment(game).step(state, label))


def planes(game: str, state: State) -> jax.Array:
    """Returns Pgx's own observation of the side to move, float32 or bool `[rows, columns, planes]`."""
    with jax.numpy_rank_promotion("allow"):
        return _environment(game).observe(state)


def actions(game: str) -> int:
    """Returns A, how many labels Pgx has for a game's moves."""
    return int(_environment(game).num_actions)


def mover_reward(before: State, after: State) -> jax.Array:
    """Returns the reward of the player who moved between two states, float32 `[]`, -1, 0 or 1."""
    return after.rewards[before.current_player]


def chess_state(key: jax.Array, board: jax.Array, color: jax.Array, find_moves: FindMoves) -> State:
    """Returns a position of chess without castling or en passant, as the first one of its game.

    Args:
      key: decides which player has White.
      board: int32 `[S]` pieces in the view of the side to move, by Pgx's squares.
      color: int32 `[]`, 0 if White is to move, 1 if Black.
      find_moves: of the game.
    """
    state = start("chess", key)
    game = chess_rules.GameState(
        color=color,
        board=board,
        castling_rights=jnp.zeros((2, 2), bool),
        hash_history=jnp.zeros_like(state._x.hash_history),
        board_history=jnp.zeros_like(state._x.board_history).at[0].set(board),
    )
    with jax.numpy_rank_promotion("allow"):
        game = game._replace(hash_history=game.hash_history.at[0].set(chess_rules._zobrist_hash(game)))
    return _with_chess_game(state, game, find_moves)


def play_chess(state: State, label: jax.Array, find_moves: FindMoves) -> State:
    """Plays a legal move of chess as `play` does, but for how the next legal moves are found.

    Args:
      state: to move in; one that is terminated stays as it is.
      label: int32 `[]`.
      find_moves: of the game.
    """
    with jax.numpy_rank_promotion("allow"):
        game = chess_rules._apply_move(state._x, chess_rules.Action._from_label(label))
        game = chess_rules._update_history(chess_rules._flip(game))
    moved = state.replace(_step_count=state._step_count + 1)
    after = _with_chess_game(moved, game._replace(step_count=game.step_count + 1), find_moves)
    ended = state.replace(rewards=jnp.zeros_like(state.rewards))
    return jax.tree.map(lambda old, new: jnp.where(state.terminated, old, new), ended, after)


def _with_chess_game(state: State, game: Any, find_moves: FindMoves) -> State:
    legal, is_in_check = find_moves(game)
    game = game._replace(legal_action_mask=legal)
    with jax.numpy_rank_promotion("allow"):
        is_over = _environment("chess").game.is_terminal(game)
    is_mate = is_in_check & ~legal.any()
    is_to_move = jnp.arange(2) == game.color
    rewards = jnp.where(is_mate, jnp.where(is_to_move, -1.0, 1.0), 0.0)
    return state.replace(
        current_player=state._player_order[game.color],
        rewards=rewards[state._player_order],
        terminated=is_over,
        # Pgx calls every label of an ended game legal, so that probabilities are defined.
        legal_action_mask=game.legal_action_mask | is_over,
        _x=game,
    )


@functools.cache
def initial_chess_hash() -> np.ndarray:
    """Returns the initial position's hash under the running version of jax, uint32 `[2]`."""
    with jax.numpy_rank_promotion("allow"), jax.ensure_compile_time_eval():
        return np.asarray(chess_rules._zobrist_hash(chess_rules.GameState()))


@functools.cache
def _environment(game: str) -> Any:
    # Pgx builds a game's tables when it is first asked for; they must not become part of a program being traced.
    with jax.numpy_rank_promotion("allow"), jax.ensure_compile_time_eval():
        return pgx.make(game)


def _without_observation(state: State) -> State:
    # Of one entry, because a checkpoint cannot hold arrays of none.
    return state.replace(observation=jnp.zeros((1,), bool))
