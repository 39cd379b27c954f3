"""Plays many games at once with a network; games that end, or are truncated, are replaced in the same step."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
from flax import struct

from engine.network.attention import MASKED
from training.games.environment import Environment
from training.games.pgx_rules import State, mover_reward
from training.muesli.agent import PolicyNetwork
from training.muesli.cmpo import legal_log_policy
from training.muesli.sequences import Sequences, Successors, pack_legal
from training.self_play.self_play_config import BehaviourConfig

# Legal actions `[B, A]`, log-probabilities `[B, A]` and a key to actions int32 `[B, C]`, -1 where there are no more.
Candidates = Callable[[jax.Array, jax.Array, jax.Array], jax.Array]


class Games(struct.PyTreeNode):
    """The games that are being played, one a lane."""

    states: State  # leading axis B
    opening_plies_left: jax.Array  # [B] int32, random moves still to be made
    plies: jax.Array  # [B] int32, moves made in the running game


class RolloutFigures(NamedTuple):
    """Statistics of the games; sums over lanes and steps, float32."""

    games: jax.Array  # [] that ended or were truncated; the others count these games only
    game_plies: jax.Array  # []
    decisive_games: jax.Array  # [] won by either player
    truncated_games: jax.Array  # []
    first_player_points: jax.Array  # [] wins of who began, and half of the games without a winner


class _Step(NamedTuple):
    sequences: Sequences  # one time step, [B, ...]
    figures: RolloutFigures


def new_games(
    environment: Environment, key: jax.Array, lanes: int, config: BehaviourConfig, endings: State | None = None
) -> Games:
    """Returns games before their first move.

    Args:
      environment: the game.
      key: consumed.
      lanes: B.
      config: for the number of random plies and the share of endings.
      endings: B of them, if they are already at hand.
    """
    start_key, opening_key, ending_key, share_key = jax.random.split(key, 4)
    states = jax.vmap(environment.start)(jax.random.split(start_key, lanes))
    plies = jax.random.randint(opening_key, (lanes,), 0, config.opening_plies + 1, jnp.int32)
    games = Games(states=states, opening_plies_left=plies, plies=jnp.zeros((lanes,), jnp.int32))
    if not config.endgame_share:
        return games
    endings = new_endings(environment, ending_key, lanes, config) if endings is None else endings
    is_ending = jax.random.bernoulli(share_key, config.endgame_share, (lanes,))
    # Endings are random as they are.
    return _where(is_ending, games.replace(states=endings, opening_plies_left=jnp.zeros_like(plies)), games)


def new_endings(environment: Environment, key: jax.Array, lanes: int, config: BehaviourConfig) -> State:
    """Returns random endings, with a leading axis B.

    Args:
      environment: a game that has them.
      key: consumed.
      lanes: B.
      config: for the number of pieces.
    """
    assert environment.ending is not None  # the settings have seen to it
    draw = functools.partial(environment.ending, most_pieces=config.endgame_pieces)
    return jax.vmap(draw)(jax.random.split(key, lanes))


def roll_out(
    environment: Environment,
    agent: PolicyNetwork,
    params: chex.ArrayTree,
    games: Games,
    key: jax.Array,
    steps: int,
    config: BehaviourConfig,
    candidates: Candidates | None = None,
) -> tuple[Games, Sequences, RolloutFigures]:
    """Plays some moves in every game.

    Args:
      environment: the game.
      agent: the network.
      params: whose policy plays, the target network's.
      games: B of them.
      key: consumed.
      steps: T.
      config: how the policy is departed from.
      candidates: chooses actions whose successors the sequences are to have; without, they have none.

    Returns:
      The games after it, sequences `[B, T]`, and sums over all steps.
    """
    endings = None
    if config.endgame_share:
        # One a lane for all steps: to draw and check them costs as much as a move.
        key, endings_key = jax.random.split(key)
        endings = new_endings(environment, endings_key, games.plies.shape[0], config)

    def step(games: Games, key: jax.Array) -> tuple[Games, _Step]:
        draw_key, reset_key, candidates_key = jax.random.split(key, 3)
        keys = draw_key, candidates_key
        after, made = _step(environment, agent, params, games, keys, config, candidates)
        fresh = new_games(environment, reset_key, games.plies.shape[0], config, endings)
        is_over = made.sequences.is_terminal | made.sequences.is_truncated
        return _where(is_over, fresh, after), made

    games, made = jax.lax.scan(step, games, jax.random.split(key, steps))
    sequences = jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 0, 1), made.sequences)
    return games, sequences, jax.tree.map(jnp.sum, made.figures)


def _step(
    environment: Environment,
    agent: PolicyNetwork,
    params: chex.ArrayTree,
    games: Games,
    keys: tuple[jax.Array, jax.Array],
    config: BehaviourConfig,
    candidates: Candidates | None,
) -> tuple[Games, _Step]:
    """Plays a move in every game; those that ended are not replaced yet."""
    draw_key, candidates_key = keys
    observation, legal = jax.vmap(environment.observe)(games.states), jax.vmap(environment.legal)(games.states)
    logits = agent.root(params, observation).prediction.policy_logits
    log_mixture = log_behaviour(logits, legal, games.opening_plies_left > 0, config)
    action = jax.random.categorical(draw_key, log_mixture, axis=-1).astype(jnp.int32)
    after = jax.vmap(environment.play)(games.states, action)
    reward = jax.vmap(mover_reward)(games.states, after)
    is_truncated = jnp.zeros_like(after.terminated)
    if config.most_plies:
        is_truncated = ~after.terminated & (games.plies + 1 >= config.most_plies)
    successors = None
    if candidates is not None:
        actions = candidates(legal, legal_log_policy(logits, legal), candidates_key)
        successors = _successors(environment, games.states, actions)
    step = Sequences(
        observation=observation,
        legal=pack_legal(legal),
        action=action.astype(jnp.int16),
        log_behaviour=jnp.take_along_axis(log_mixture, action[:, None], axis=1)[:, 0],
        reward=reward.astype(jnp.int8),
        is_terminal=after.terminated,
        is_truncated=is_truncated,
        successors=successors,
    )
    openings_left = jnp.maximum(games.opening_plies_left - 1, 0)
    running = Games(states=after, opening_plies_left=openings_left, plies=games.plies + 1)
    return running, _Step(step, _figures(games.plies, after.terminated, is_truncated, reward))


def _successors(environment: Environment, states: State, actions: jax.Array) -> Successors:
    def after(state: State, action: jax.Array) -> Successors:
        successor = environment.play(state, jnp.maximum(action, 0))
        return Successors(
            action=action.astype(jnp.int16),
            observation=environment.observe(successor),
            reward=mover_reward(state, successor).astype(jnp.int8),
            is_terminal=successor.terminated,
        )

    return jax.vmap(jax.vmap(after, in_axes=(None, 0)))(states, actions)


def _where(is_new: jax.Array, new: Games, old: Games) -> Games:
    """Chooses games by lane, bool `[B]`."""

    def chosen(new: jax.Array, old: jax.Array) -> jax.Array:
        return jnp.where(is_new.reshape(-1, *(1,) * (old.ndim - 1)), new, old)

    return jax.tree.map(chosen, new, old)


def _figures(plies: jax.Array, is_terminal: jax.Array, is_truncated: jax.Array, reward: jax.Array) -> RolloutFigures:
    ended = (is_terminal | is_truncated).astype(jnp.float32)
    mover_score = 0.5 + 0.5 * reward
    first_player_points = jnp.where(plies % 2 == 0, mover_score, 1.0 - mover_score)
    return RolloutFigures(
        games=jnp.sum(ended),
        game_plies=jnp.sum(ended * (plies + 1)),
        decisive_games=jnp.sum(ended * (reward != 0)),
        truncated_games=jnp.sum(is_truncated, dtype=jnp.float32),
        first_player_points=jnp.sum(ended * first_player_points),
    )


def log_behaviour(
    policy_logits: jax.Array, legal: jax.Array, is_opening: jax.Array, config: BehaviourConfig
) -> jax.Array:
    """Returns the log-probabilities of the policy that self-play draws its moves from.

    Args:
      policy_logits: `[B, A]`.
      legal: bool `[B, A]`.
      is_opening: bool `[B]`, whether the move is one of the random ones at the start.
      config: mixture.

    Returns:
      `[B, A]`, about `MASKED` at illegal actions.
    """
    policy = jnp.exp(legal_log_policy(policy_logits / config.temperature, legal))
    uniform = legal / jnp.sum(legal, axis=1, keepdims=True, dtype=jnp.float32)
    share = jnp.where(is_opening, 1.0, config.random_share)[:, None]
    mixture = (1.0 - share) * policy + share * uniform
    return jnp.where(legal, jnp.log(jnp.maximum(mixture, 1e-30)), MASKED)
