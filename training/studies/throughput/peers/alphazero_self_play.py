"""Plays self-play games as the Pgx AlphaZero example does: Gumbel MuZero searches every move over the real rules.

After github.com/sotetsuk/pgx, examples/alphazero/train.py: the same planes, network, search (`gumbel_muzero_policy` of
mctx with its completed values, 32 simulations, each of which plays a move in every game and evaluates the position that
comes), and what is recorded. The example's 1,024 games at once and 256 moves are parameters here. No other file imports
mctx, and nothing that learns or plays imports this one.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import mctx

from training.games import pgx_rules
from training.games.pgx_rules import State, mover_reward
from training.studies.throughput.peers.peer_networks import AlphaZeroNetwork


class SearchedStep(NamedTuple):
    """Holds the example's record of one move."""

    planes: jax.Array  # [B, rows, columns, planes] float32
    action_weights: jax.Array  # [B, A] float32, the improved policy
    reward: jax.Array  # [B] float32, of the player who moved
    is_terminal: jax.Array  # [B] bool


def new_states(game: str, key: jax.Array, games: int) -> State:
    """Returns states before the first move, with Pgx's planes."""
    return jax.vmap(lambda each: _with_planes(game, pgx_rules.start(game, each)))(jax.random.split(key, games))


def play_searched(
    game: str,
    network: AlphaZeroNetwork,
    params: chex.ArrayTree,
    states: State,
    key: jax.Array,
    moves: int,
    simulations: int,
) -> tuple[State, SearchedStep]:
    """Plays some moves in every game; a game that ends is replaced in the same step.

    Args:
      game: name in Pgx.
      network: of its actions.
      params: variables of the network.
      states: B of them, from `new_states` or from here.
      key: consumed.
      moves: T, played in each game.
      simulations: of the search for each of them.

    Returns:
      The states after it, and what is recorded `[T, B, ...]`.
    """

    def step(states: State, key: jax.Array) -> tuple[State, SearchedStep]:
        search_key, reset_key = jax.random.split(key)
        logits, value = _evaluated(network, params, states)
        searched = mctx.gumbel_muzero_policy(
            params=params,
            rng_key=search_key,
            root=mctx.RootFnOutput(prior_logits=logits, value=value, embedding=states),
            recurrent_fn=_simulated_move(game, network),
            num_simulations=simulations,
            invalid_actions=~states.legal_action_mask,
            qtransform=mctx.qtransform_completed_by_mix_value,
            gumbel_scale=1.0,
        )
        after = jax.vmap(lambda state, action: _played(game, state, action))(states, searched.action)
        reward = jax.vmap(mover_reward)(states, after)
        made = SearchedStep(states.observation, searched.action_weights, reward, after.terminated)
        return _replaced(game, after, reset_key), made

    return jax.lax.scan(step, states, jax.random.split(key, moves))


def _simulated_move(game: str, network: AlphaZeroNetwork) -> Callable[..., tuple[mctx.RecurrentFnOutput, State]]:
    """Returns the function that expands a node of the search tree by the rules and the network."""

    def simulate(params: Any, key: jax.Array, action: jax.Array, states: State) -> tuple[mctx.RecurrentFnOutput, State]:
        del key
        after = jax.vmap(lambda state, label: _played(game, state, label))(states, action)
        logits, value = _evaluated(network, params, after)
        output = mctx.RecurrentFnOutput(
            reward=jax.vmap(mover_reward)(states, after),
            discount=jnp.where(after.terminated, 0.0, -1.0),
            prior_logits=jnp.where(after.legal_action_mask, logits, jnp.finfo(logits.dtype).min),
            value=jnp.where(after.terminated, 0.0, value),
        )
        return output, after

    return simulate


def _evaluated(network: AlphaZeroNetwork, params: chex.ArrayTree, states: State) -> tuple[jax.Array, jax.Array]:
    logits, value = network.apply(params, states.observation)
    return jnp.asarray(logits), jnp.asarray(value)


def _played(game: str, state: State, action: jax.Array) -> State:
    return _with_planes(game, pgx_rules.play(game, state, action))


def _with_planes(game: str, state: State) -> State:
    return state.replace(observation=pgx_rules.planes(game, state))


def _replaced(game: str, after: State, key: jax.Array) -> State:
    """Returns the states with new games in place of those that ended."""
    fresh = new_states(game, key, after.terminated.shape[0])

    def chosen(new: jax.Array, old: jax.Array) -> jax.Array:
        return jnp.where(after.terminated.reshape(-1, *(1,) * (old.ndim - 1)), new, old)

    return jax.tree.map(chosen, fresh, after)
