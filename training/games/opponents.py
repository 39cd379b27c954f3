"""Fixed opponents to measure strength against; each is a function of a key and one state to an action."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from engine.network.attention import MASKED
from training.games.environment import Environment
from training.games.exchange_player import checking_moves, exchange_scores
from training.games.pgx_rules import State, mover_reward
from training.muesli.candidate_actions import all_legal

_CHECKS = 12  # of a position that are tried for mate; more are hardly ever possible
_MATE = 1000.0  # pawns
Opponent = Callable[[jax.Array, State], jax.Array]

_LINES = ((0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8), (0, 4, 8), (2, 4, 6))


def make_opponent(environment: Environment, name: str) -> Opponent:
    """Returns an opponent.

    Args:
      environment: the game.
      name: `random` moves uniformly; `tactical` wins if it can, else blocks where the opponent would win, else moves
        uniformly; `perfect` draws from the moves that keep the game's value (tic_tac_toe only); `exchange` mates in one
        if it can, else takes the best of the exchanges one ply deep (chess only).

    Raises:
      ValueError: the name is unknown, or the game has no such opponent.
    """
    makers = {"random": _random, "tactical": _tactical}
    if environment.name == "tic_tac_toe":
        makers["perfect"] = _perfect
    if environment.name == "chess":
        makers["exchange"] = _exchange
    if name not in makers:
        raise ValueError(f"expected an opponent at {environment.name}, one of {', '.join(makers)}, got {name!r}")
    return makers[name](environment)


def uniform(key: jax.Array, allowed: jax.Array) -> jax.Array:
    """Draws one of the allowed actions, int32 `[...]` from bool `[..., A]`."""
    return jax.random.categorical(key, jnp.where(allowed, 0.0, MASKED)).astype(jnp.int32)


def _random(environment: Environment) -> Opponent:
    return lambda key, state: uniform(key, environment.legal(state))


def _tactical(environment: Environment) -> Opponent:
    if environment.actions > 64:
        raise ValueError(f"expected a game with at most 64 actions for the opponent tactical, got {environment.name}")
    actions = jnp.arange(environment.actions, dtype=jnp.int32)

    def wins(state: State, action: jax.Array) -> jax.Array:
        after = environment.play(state, action)
        return environment.legal(state)[action] & ~state.terminated & (mover_reward(state, after) > 0)

    def opponent(key: jax.Array, state: State) -> jax.Array:
        legal = environment.legal(state)
        winning = jax.vmap(lambda action: wins(state, action))(actions)
        # Where the other side would win if it were to move: it is, after another move of ours.
        successors = jax.vmap(lambda action: environment.play(state, action))(actions)
        replies = jax.vmap(lambda after: jax.vmap(lambda reply: wins(after, reply))(actions))(successors)
        elsewhere = legal[:, None] & (actions[:, None] != actions[None])
        threatened = jnp.any(replies & elsewhere, axis=0) & legal
        allowed = jnp.where(jnp.any(winning), winning, jnp.where(jnp.any(threatened), threatened, legal))
        return uniform(key, allowed)

    return opponent


def _exchange(environment: Environment) -> Opponent:
    def mates(state: State, cell: jax.Array) -> jax.Array:
        return mover_reward(state, environment.play(state, cell)) > 0

    def opponent(key: jax.Array, state: State) -> jax.Array:
        position = environment.observe(state)
        listed, is_legal = all_legal(environment.legal(state)[None], environment.most_legal)
        cells, is_legal = listed[0], is_legal[0]
        checks = checking_moves(position, cells) & is_legal
        _, places = jax.lax.top_k(checks.astype(jnp.int32), _CHECKS)
        is_mate = jax.vmap(lambda place: checks[place] & mates(state, cells[place]))(places)
        scores = jnp.where(is_legal, exchange_scores(position, cells), -jnp.inf)
        scores = scores.at[places].add(jnp.where(is_mate, _MATE, 0.0))
        return cells[uniform(key, scores >= jnp.max(scores) - 1e-4)]

    return opponent


def _perfect(environment: Environment) -> Opponent:
    best = jnp.asarray(perfect_moves())
    weights = jnp.asarray(3 ** np.arange(9), jnp.int32)

    def opponent(key: jax.Array, state: State) -> jax.Array:
        cells = environment.observe(state)[:9].astype(jnp.int32)
        return uniform(key, best[jnp.sum((cells + 1) * weights)])

    return opponent


@functools.cache
def perfect_moves() -> np.ndarray:
    """Returns the best moves of every position of tic_tac_toe, bool `[3 ** 9, 9]`.

    The row of a position is the sum of (code + 1) * 3 ** cell, codes 1 the mover's, -1 the opponent's, 0 empty; a row
    that no position has is all true.
    """
    best = np.ones((3**9, 9), bool)

    @functools.cache
    def value(cells: tuple[int, ...]) -> int:
        """Returns what the mover gets with best play: -1, 0 or 1."""
        if any(all(cells[i] == -1 for i in line) for line in _LINES):
            return -1
        if 0 not in cells:
            return 0
        scores = {}
        for move in (i for i in range(9) if cells[i] == 0):
            after = tuple(-code for code in (*cells[:move], 1, *cells[move + 1 :]))
            scores[move] = -value(after)
        row = sum((code + 1) * 3**i for i, code in enumerate(cells))
        best[row] = [move in scores and scores[move] == max(scores.values()) for move in range(9)]
        return max(scores.values())

    value((0,) * 9)
    return best
