"""Self-play runs that compile in seconds, and their compiled programs, shared by tests."""

import functools
from typing import Any, NamedTuple

import jax

from engine.frozen_config import with_overrides
from training.games.environment import Environment
from training.muesli.agent import Agent
from training.self_play.resident_program import ResidentProgram, make_game, make_program
from training.self_play.self_play_config import SelfPlayConfig
from training.self_play.self_play_presets import self_play_preset

# As `--set` takes them, on top of the preset "tic_tac_toe".
SETTINGS = (
    "board_network.channels=8",
    "board_network.blocks=1",
    "board_network.head_width=8",
    "board_network.value_bins=5",
    "lanes=16",
    "steps=4",
    "updates=2",
    "replayed=1",
    "replay_slots=3",
    "muesli.unroll_steps=2",
    "optimizer.warmup_steps=2",
    "evaluation_games=8",
)


class SmallRun(NamedTuple):
    """A run's parts."""

    config: SelfPlayConfig
    environment: Environment
    agent: Agent
    program: ResidentProgram


def small_config(*overrides: str) -> SelfPlayConfig:
    """Returns the settings of a run that takes moments."""
    return with_overrides(self_play_preset("tic_tac_toe"), (*SETTINGS, *overrides))


@functools.cache
def small_run(*overrides: str) -> SmallRun:
    """Returns a run with some settings changed."""
    config = small_config(*overrides)
    environment, agent = make_game(config)
    return SmallRun(config, environment, agent, make_program(config, environment, agent))


@functools.cache
def compiled(*overrides: str) -> tuple[Any, Any]:
    """Returns `init` and `iterate` of a small run, compiled quickly."""
    program = small_run(*overrides).program
    options = {"xla_backend_optimization_level": 0}
    return jax.jit(program.init, compiler_options=options), jax.jit(program.iterate, compiler_options=options)
