"""Plays a network against a fixed opponent on the device and counts wins, draws and losses."""

from collections.abc import Callable
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from training.games.environment import Environment
from training.games.opponents import Opponent
from training.games.pgx_rules import State
from training.muesli.agent import Agent
from training.muesli.cmpo import legal_log_policy


class ArenaResult(NamedTuple):
    """Numbers of games, from the network's view."""

    wins: jax.Array  # [] int32
    draws: jax.Array  # [] int32
    losses: jax.Array  # [] int32

    def score(self) -> jax.Array:
        """Returns wins and half the draws as a share of all games, 0 to 1."""
        return (self.wins + 0.5 * self.draws) / (self.wins + self.draws + self.losses)


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
    if games < 2 or games % 2:
        raise ValueError(f"expected an even number of games, at least 2, got {games}")

    def play(params: chex.ArrayTree, key: jax.Array) -> ArenaResult:
        start_key, play_key = jax.random.split(key)
        states = jax.vmap(environment.start)(jax.random.split(start_key, games))
        # The network is the player who begins in the first half of the games, the other one in the second.
        begins = jnp.arange(games, dtype=jnp.int32) < games // 2
        seat = jnp.where(begins, states.current_player, 1 - states.current_player)

        def advance(round_: _Round) -> _Round:
            keys = jax.random.split(jax.random.fold_in(play_key, round_.ply), games)
            observation = jax.vmap(environment.observe)(round_.states)
            legal = jax.vmap(environment.legal)(round_.states)
            log_policy = legal_log_policy(agent.root(params, observation).prediction.policy_logits, legal)
            ours = jnp.argmax(log_policy, axis=1).astype(jnp.int32)
            theirs = jax.vmap(opponent)(keys, round_.states)
            is_ours = round_.states.current_player == seat
            after = jax.vmap(environment.play)(round_.states, jnp.where(is_ours, ours, theirs))
            # Ended games keep their state; Pgx gives their rewards once.
            reward = jnp.take_along_axis(after.rewards, seat[:, None], axis=1)[:, 0]
            return _Round(after, round_.reward + reward, round_.ply + 1)

        def goes_on(round_: _Round) -> jax.Array:
            return ~jnp.all(round_.states.terminated) & (round_.ply < environment.longest_game)

        end = jax.lax.while_loop(goes_on, advance, _Round(states, jnp.zeros((games,)), jnp.int32(0)))
        wins, losses = jnp.sum(end.reward > 0, dtype=jnp.int32), jnp.sum(end.reward < 0, dtype=jnp.int32)
        return ArenaResult(wins, jnp.int32(games) - wins - losses, losses)

    return play
