"""From the settings of a run to its game and its network."""

import jax

from training.games.environment import Environment, make_environment
from training.muesli.agent import Agent
from training.self_play.board_network import BoardAgent
from training.self_play.chess_agent import ChessAgent
from training.self_play.device_arithmetic import product_arithmetic
from training.self_play.self_play_config import SelfPlayConfig


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
