"""The rules of the games that are learned by self-play, from Pgx; no other file imports Pgx.

States carry no observation of Pgx's: it is replaced by a blank, so that what computes it is left out of the compiled
program; `planes` computes it for those who want it. Everything is for one state; use `jax.vmap`.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pgx
from pgx._src.games import chess as chess_rules

State = Any  # of a game of Pgx: current_player, rewards [2], terminated, legal_action_mask, and its own fields
ChessGame = chess_rules.GameState
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
