"""Prepares the contestants of the throughput race: self-play, and other ways to generate games."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import chess
import chex
import jax
import jax.numpy as jnp
import numpy as np

from engine.bench import BENCH_POSITIONS
from engine.encoding.position import encode_position
from engine.network.model import evaluate
from engine.network.network_config import NetworkConfig
from engine.player.network_evaluator import load_network_evaluator
from training.distillation.learner import make_network
from training.distillation.trained_network import network_weights
from training.games import pgx_rules
from training.games.environment import Environment
from training.muesli.agent import Agent, PolicyNetwork
from training.self_play.resident_program import make_program
from training.self_play.rollout import Games, new_games, roll_out
from training.self_play.self_play_config import SelfPlayConfig
from training.studies.cores.network_costs import count_flops
from training.studies.interleaved_timing import Contestant
from training.studies.throughput.peers.peer_networks import PerceptronNetwork, Weights
from training.studies.throughput.peers.python_chess_loop import PythonChessLoop, evaluator_policy, perceptron_policy


class MissingPackageError(ValueError):
    """A package that only this study needs is not installed; the text is one line."""


class Player(NamedTuple):
    """Holds a network that plays, and its cost."""

    network: PolicyNetwork
    params: Any
    parameters: int  # used in play
    flops: int  # of one evaluation of one position


def recursive_player(agent: Agent, config: NetworkConfig, weights: Path) -> Player:
    """Returns a chess network in the form that self-play uses.

    Args:
      agent: made from the network's settings.
      config: the network's settings.
      weights: folder of the network.
    """
    trained = network_weights(weights)
    network, fens = make_network(config), BENCH_POSITIONS
    positions = jnp.asarray(np.stack([encode_position(chess.Board(fen)) for fen in fens]))

    def evaluated(params: Any, positions: jax.Array) -> Any:
        return evaluate(network, params, positions)

    # A batch is iterated until its last position has settled.
    trips = int(jnp.max(jax.jit(evaluated)(trained, positions).stats.steps))
    return Player(
        network=agent,
        params={**jax.jit(agent.init)(jax.random.key(0)), "network": trained},
        parameters=_size(trained),
        flops=count_flops(evaluated, trained, positions, while_trips=trips) // len(fens),
    )


def perceptron_player(weights: Weights) -> Player:
    """Returns the perceptron of `numpy_loop`."""
    return Player(PerceptronNetwork(), weights, _size(weights), perceptron_flops(weights))


def resident_rollout(name: str, config: SelfPlayConfig, environment: Environment, player: Player) -> Contestant:
    """Returns the resident program's games, without learning.

    Args:
      name: of the contestant.
      config: of a run: number of concurrent games and behaviour policy.
      environment: the game.
      player: the network that plays it.
    """

    def play(params: chex.ArrayTree, games: Games, key: jax.Array) -> Any:
        return roll_out(environment, player.network, params, games, key, config.steps, config.behaviour)

    compiled = jax.jit(play, donate_argnums=1)
    games = jax.jit(lambda key: new_games(environment, key, config.lanes, config.behaviour))(jax.random.key(0))
    turns = 0

    def turn() -> None:
        nonlocal games, turns
        games, *made = compiled(player.params, games, jax.random.key(turns))
        turns += 1
        jax.block_until_ready(made)

    return Contestant(
        name=name,
        conditions=f"{config.lanes} games at once",
        parameters=player.parameters,
        flops=player.flops,
        evaluations=1,
        positions=config.lanes * config.steps,
        play=turn,
    )


def resident_iteration(
    name: str, config: SelfPlayConfig, environment: Environment, agent: Agent, params: chex.ArrayTree
) -> Contestant:
    """Returns the complete iteration of a run: games, replay and updates.

    Args:
      name: of the contestant.
      config: of the run.
      environment: the game.
      agent: its network.
      params: initial parameters.
    """
    program = make_program(config, environment, agent)
    state, iterate = jax.jit(program.init)(), jax.jit(program.iterate, donate_argnums=0)
    learner = state.learner
    # The state's buffers are donated, and one buffer cannot be given away twice.
    anchor = None if learner.anchor is None else jax.tree.map(jnp.copy, params)
    start, target = jax.tree.map(jnp.copy, params), jax.tree.map(jnp.copy, params)
    state = state.replace(learner=learner.replace(params=start, target=target, anchor=anchor))

    def turn() -> None:
        nonlocal state
        state, figures = iterate(state)
        jax.block_until_ready((state, figures))

    learnt = config.lanes * config.steps * (1 + config.replayed)
    return Contestant(
        name=name,
        conditions=f"{config.lanes} games at once, {config.updates} updates of {learnt // config.updates} positions",
        parameters=_size(state.learner.params),
        flops=0,
        evaluations=0,
        positions=config.lanes * config.steps,
        play=turn,
    )


def alphazero_example(game: str, games: int, moves: int, simulations: int = 32, **sizes: Any) -> Contestant:
    """Returns the self-play of the Pgx AlphaZero example, with random weights.

    Args:
      game: name in Pgx.
      games: number of concurrent games.
      moves: played in each game per turn.
      simulations: of the search for a move.
      sizes: of the network, where they differ from the example's.

    Raises:
      MissingPackageError: mctx is not installed.
    """
    try:
        from training.studies.throughput.peers.alphazero_self_play import new_states, play_searched
    except ModuleNotFoundError as error:
        if error.name != "mctx":
            raise
        raise MissingPackageError(
            "expected the packages of recursezero[peers] for the Pgx AlphaZero example, got no mctx "
            '(to install them: pip install "recursezero[peers]"; or leave the example out with --without-alphazero)'
        ) from None
    from training.studies.throughput.peers.peer_networks import AlphaZeroNetwork

    network = AlphaZeroNetwork(pgx_rules.actions(game), **sizes)
    states = jax.jit(lambda key: new_states(game, key, games))(jax.random.key(0))
    params = jax.jit(network.init)(jax.random.key(1), states.observation)
    compiled = jax.jit(
        lambda params, states, key: play_searched(game, network, params, states, key, moves, simulations),
        donate_argnums=1,
    )
    # The network has no loop, so XLA's own count is right; ours does not cover convolutions.
    costs: Any = jax.jit(network.apply).lower(params, states.observation).cost_analysis()
    turns = 0

    def turn() -> None:
        nonlocal states, turns
        states, made = compiled(params, states, jax.random.key(turns))
        turns += 1
        jax.block_until_ready((states, made))

    return Contestant(
        name=f"Pgx AlphaZero example, {simulations} simulations",
        conditions=f"{games} games at once",
        parameters=_size(params["params"]),
        flops=int(costs["flops"]) // games,
        evaluations=1 + simulations,
        positions=games * moves,
        play=turn,
    )


def numpy_loop(weights: Weights, moves: int) -> Contestant:
    """Returns self-play as a loop with python-chess and the perceptron in NumPy.

    Args:
      weights: of the perceptron.
      moves: per turn.
    """
    return Contestant(
        name="python-chess + NumPy perceptron",
        conditions="one game, one process",
        parameters=_size(weights),
        flops=perceptron_flops(weights),
        evaluations=1,
        positions=moves,
        play=_turn_of(PythonChessLoop(perceptron_policy(weights)), moves),
    )


def evaluator_loop(weights: Path, player: Player, moves: int) -> Contestant:
    """Returns self-play as a loop with python-chess and the engine's evaluator, one position at a time.

    Args:
      weights: folder of a network.
      player: the same network.
      moves: per turn.
    """
    return Contestant(
        name="python-chess + engine's evaluator",
        conditions="one game, int8 products",
        parameters=player.parameters,
        flops=player.flops,
        evaluations=1,
        positions=moves,
        play=_turn_of(PythonChessLoop(evaluator_policy(load_network_evaluator(weights))), moves),
    )


def perceptron_flops(weights: Weights) -> int:
    """Returns the number of multiplications and additions in one evaluation of the perceptron."""
    return 2 * sum(weights[name].size for name in ("hidden", "policy", "value"))


def _turn_of(loop: PythonChessLoop, moves: int) -> Callable[[], None]:
    def turn() -> None:
        loop.play(moves)

    return turn


def _size(params: chex.ArrayTree) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(params))
