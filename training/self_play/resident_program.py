"""Self-play and learning as one compiled program: games, replay, network and update stay on the device."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import optax
from flax import struct

from training.games.environment import Environment, make_environment
from training.muesli.agent import Agent, Problem
from training.muesli.candidate_actions import candidates
from training.muesli.muesli_update import LearnerState, clipped_adam, initial_learner, muesli_update
from training.muesli.sequences import Sequences
from training.self_play import replay as replay_buffer
from training.self_play.board_network import BoardAgent
from training.self_play.chess_agent import ChessAgent
from training.self_play.devices import product_arithmetic
from training.self_play.random_generator import generator
from training.self_play.replay import Replay
from training.self_play.rollout import Games, RolloutFigures, new_games, roll_out
from training.self_play.self_play_config import SelfPlayConfig

Figures = dict[str, jax.Array]
# The moves of an iteration: parameters, games and a key to games, sequences and sums.
Player = Callable[[chex.ArrayTree, Games, jax.Array], tuple[Games, Sequences, RolloutFigures]]


class ResidentState(struct.PyTreeNode):
    """Everything that a run carries from iteration to iteration."""

    step: jax.Array  # [] int32, iterations made
    learner: LearnerState
    games: Games
    replay: Replay
    random_bits: jax.Array  # uint32, data of the key of the next iteration


class ResidentProgram(NamedTuple):
    """The pure functions of a run, to be compiled by the caller."""

    init: Callable[[], ResidentState]
    iterate: Callable[[ResidentState], tuple[ResidentState, Figures]]


def make_program(config: SelfPlayConfig, environment: Environment, agent: Agent) -> ResidentProgram:
    """Returns the program of a run.

    Args:
      config: the run's settings.
      environment: the game.
      agent: the network.
    """
    problem = Problem(agent, config.muesli, environment.actions, environment.most_legal)
    optimizer = clipped_adam(
        config.optimizer.learning_rate,
        config.optimizer.weight_decay,
        config.optimizer.clips_updates,
        network_share=config.optimizer.network_share,
    )

    play = _player(config, environment, agent)

    def init() -> ResidentState:
        return _initial_state(config, environment, problem, optimizer)

    def iterate(state: ResidentState) -> tuple[ResidentState, Figures]:
        key = jax.random.wrap_key_data(state.random_bits, impl=generator(config.generator))
        play_key, replay_key, learn_key, next_key = jax.random.split(key, 4)
        games, fresh, played = play(state.learner.target, state.games, play_key)
        replay = replay_buffer.add(state.replay, fresh)
        old = replay_buffer.sample(replay, replay_key, config.replayed)
        batches = _batches(fresh, old, config.updates)

        def update(learner: LearnerState, step: tuple[Sequences, jax.Array]) -> tuple[LearnerState, Figures]:
            batch, update_key = step
            return muesli_update(problem, optimizer, config.optimizer.warmup_steps, learner, batch, update_key)

        learner, figures = jax.lax.scan(update, state.learner, (batches, jax.random.split(learn_key, config.updates)))
        after = ResidentState(
            step=state.step + 1,
            learner=learner,
            games=games,
            replay=replay,
            random_bits=jax.random.key_data(next_key),
        )
        return after, jax.tree.map(jnp.mean, figures) | played._asdict()

    return ResidentProgram(init, iterate)


def _player(config: SelfPlayConfig, environment: Environment, agent: Agent) -> Player:
    chosen = None
    if config.muesli.lookahead == "rules":
        chosen = functools.partial(candidates, config.muesli, environment.most_legal)
    return lambda params, games, key: roll_out(
        environment, agent, params, games, key, config.steps, config.behaviour, chosen
    )


def _initial_state(
    config: SelfPlayConfig, environment: Environment, problem: Problem, optimizer: optax.GradientTransformation
) -> ResidentState:
    key = jax.random.key(config.seed, impl=generator(config.generator))
    params_key, games_key, next_key = jax.random.split(key, 3)
    params = problem.agent.init(params_key)
    games = new_games(environment, games_key, config.lanes, config.behaviour)
    example = jax.eval_shape(_player(config, environment, problem.agent), params, games, games_key)[1]
    return ResidentState(
        step=jnp.int32(0),
        learner=initial_learner(problem, params, optimizer, config.muesli.weights.anchor > 0),
        games=games,
        replay=replay_buffer.init(example, config.replay_slots),
        random_bits=jax.random.key_data(next_key),
    )


def _batches(fresh: Sequences, old: Sequences, updates: int) -> Sequences:
    """Divides the lanes among the updates.

    Args:
      fresh: `[B, T, ...]`.
      old: `[B, replayed, T, ...]`.
      updates: U; update u gets lanes u, u + U, ..., so that lanes spread over devices stay where they are.

    Returns:
      `[U, (B / U) * (1 + replayed), T, ...]`.
    """

    def deal(new: jax.Array, replayed: jax.Array) -> jax.Array:
        rows = jnp.concatenate([new[:, None], replayed], axis=1)  # [B, 1 + replayed, T, ...]
        dealt = rows.reshape(rows.shape[0] // updates, updates, *rows.shape[1:])
        dealt = jnp.moveaxis(dealt, 1, 0)  # [U, B / U, 1 + replayed, T, ...]
        return dealt.reshape(updates, -1, *dealt.shape[3:])

    return jax.tree.map(deal, fresh, old)


def make_game(config: SelfPlayConfig) -> tuple[Environment, Agent]:
    """Returns the game and the network of a run.

    Raises:
      ValueError: the game is unknown, or the network plays another one.
    """
    environment, past_policies = make_environment(config.game), len(config.muesli.past_rates)
    arithmetic = product_arithmetic(config.arithmetic, jax.local_devices()[0])
    if config.network is None:
        return environment, BoardAgent(environment, config.board_network, past_policies, arithmetic)
    if environment.name != "chess":
        raise ValueError(f"expected no network for {environment.name}, which only board_network plays, got one")
    return environment, ChessAgent(config.network, past_policies, arithmetic, config.model_gradient)
