"""Plays a network against a fixed opponent, or against other weights of its own, on the device."""

from collections.abc import Callable
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from training.games.environment import Environment
from training.games.opponents import Opponent, uniform
from training.games.pgx_rules import State
from training.muesli.agent import Agent
from training.muesli.cmpo import legal_log_policy


class ArenaResult(NamedTuple):
    """Numbers of games, from the network's view."""

    wins: jax.Array  # [] int32
    draws: jax.Array  # [] int32
    losses: jax.Array  # [] int32


# Keys `[G]` and states `[G]` to actions int32 `[G]`.
_Side = Callable[[jax.Array, State], jax.Array]


class _Round(NamedTuple):
    states: State
    reward: jax.Array  # [G] float32, of the network
    ply: jax.Array  # [] int32


def make_arena(
    environment: Environment, agent: Agent, opponent: Opponent, games: int
) -> Callable[[chex.ArrayTree, jax.Array], ArenaResult]:
    """Returns a function of (parameters, key) that plays games, each side beginning half of them.

    The network plays its most probable move. The function is pure, to be compiled by the caller.

    Args:
      environment: the game.
      agent: the network.
      opponent: of it.
      games: G, even.
    """
    _check_number(games)

    def play(params: chex.ArrayTree, key: jax.Array) -> ArenaResult:
        start_key, play_key = jax.random.split(key)
        states = jax.vmap(environment.start)(jax.random.split(start_key, games))
        reward = _play(environment, _most_probable(environment, agent, params), jax.vmap(opponent), states, play_key)
        wins, losses = jnp.sum(reward > 0, dtype=jnp.int32), jnp.sum(reward < 0, dtype=jnp.int32)
        return ArenaResult(wins, jnp.int32(games) - wins - losses, losses)

    return play


def make_rivalry(
    environment: Environment, agent: Agent, games: int, opening_plies: int
) -> Callable[[chex.ArrayTree, chex.ArrayTree, jax.Array], jax.Array]:
    """Returns a function of (parameters, a rival's parameters, key) that plays games from random openings.

    Both play their most probable moves. The function returns the first network's reward in each game, `[G]`, -1, 0 or
    1; games i and i + G / 2 have the same opening, and the first network begins in the former.

    Args:
      environment: the game.
      agent: the network of both.
      games: G, even.
      opening_plies: uniformly random plies that every game begins with.
    """
    _check_number(games)

    def play(params: chex.ArrayTree, rival: chex.ArrayTree, key: jax.Array) -> jax.Array:
        start_key, opening_key, play_key = jax.random.split(key, 3)
        states = jax.vmap(environment.start)(jax.random.split(start_key, games // 2))

        def at_random(states: State, key: jax.Array) -> tuple[State, None]:
            actions = uniform(key, jax.vmap(environment.legal)(states))
            return jax.vmap(environment.play)(states, actions), None

        states, _ = jax.lax.scan(at_random, states, jax.random.split(opening_key, opening_plies))
        both = jax.tree.map(lambda leaf: jnp.concatenate([leaf, leaf]), states)
        ours, theirs = _most_probable(environment, agent, params), _most_probable(environment, agent, rival)
        return _play(environment, ours, theirs, both, play_key)

    return play


def _check_number(games: int) -> None:
    if games < 2 or games % 2:
        raise ValueError(f"expected an even number of games, at least 2, got {games}")


def _most_probable(environment: Environment, agent: Agent, params: chex.ArrayTree) -> _Side:
    def actions(_keys: jax.Array, states: State) -> jax.Array:
        observation, legal = jax.vmap(environment.observe)(states), jax.vmap(environment.legal)(states)
        log_policy = legal_log_policy(agent.root(params, observation).prediction.policy_logits, legal)
        return jnp.argmax(log_policy, axis=1).astype(jnp.int32)

    return actions


def _play(environment: Environment, ours: _Side, theirs: _Side, states: State, key: jax.Array) -> jax.Array:
    """Plays games `[G]` to their ends and returns the rewards of our side, which begins in the first half of them."""
    games = states.current_player.shape[0]
    begins = jnp.arange(games, dtype=jnp.int32) < games // 2
    seat = jnp.where(begins, states.current_player, 1 - states.current_player)

    def advance(round_: _Round) -> _Round:
        keys = jax.random.split(jax.random.fold_in(key, round_.ply), games)
        is_ours = round_.states.current_player == seat
        actions = jnp.where(is_ours, ours(keys, round_.states), theirs(keys, round_.states))
        after = jax.vmap(environment.play)(round_.states, actions)
        # Ended games keep their state; Pgx gives their rewards once.
        reward = jnp.take_along_axis(after.rewards, seat[:, None], axis=1)[:, 0]
        return _Round(after, round_.reward + reward, round_.ply + 1)

    def goes_on(round_: _Round) -> jax.Array:
        return ~jnp.all(round_.states.terminated) & (round_.ply < environment.longest_game)

    return jax.lax.while_loop(goes_on, advance, _Round(states, jnp.zeros((games,)), jnp.int32(0))).reward
