"""Trains a network by self-play, with Muesli.

Figures go to metrics.jsonl and TensorBoard files in the run's folder, which `recursezero watch` shows. Ctrl-C saves and
ends; `--resume` continues from the newest checkpoint with the run's own settings. A step of the plan is an iteration.
Lanes of games are divided over all devices; `--group` makes several processes, on one machine or more, one run, whose
folder they share and whose plan is then best counted in `--steps`.
"""

import argparse
from typing import TYPE_CHECKING

from engine.command_line import print_written
from engine.command_options import add_example, add_preset, add_settings
from training.commands.plan_arguments import (
    add_group,
    add_plan,
    add_run,
    check_is_new,
    check_of_new_run,
    is_first,
    join_group,
    plan_of,
)
from training.runs.durable_files import sole_writer

if TYPE_CHECKING:
    from training.self_play.self_play_config import SelfPlayConfig


def add_self_play(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `recursezero self-play`."""
    add_run(parser)
    add_preset(parser, "tic_tac_toe", _presets, "the run")
    add_settings(parser, _preset_config, "the run")
    add_group(parser)
    add_plan(parser)
    add_example(
        parser,
        "recursezero self-play --run runs/chess --preset chess --start-from weights/wide",
        "--minutes 600 --decay-share 0.5",
    )
    parser.set_defaults(work=_learn)


def _presets() -> dict[str, str]:
    from training.self_play.self_play_presets import SELF_PLAY_PRESETS

    return {
        name: f"{config.game}, {config.lanes} games at once, {config.updates} updates an iteration"
        for name, config in SELF_PLAY_PRESETS.items()
    }


def _learn(arguments: argparse.Namespace) -> int:
    plan = plan_of(arguments)
    if arguments.resume:
        check_of_new_run(start_from=arguments.start_from)
    join_group(arguments)
    config = _config(arguments)
    from training.runs.run_clock import CLOCKS
    from training.runs.training_loop import TrainingLoop, stopped_by_signals
    from training.self_play.self_play_run import SelfPlay

    arguments.run.parent.mkdir(parents=True, exist_ok=True)
    with sole_writer(arguments.run if is_first(arguments) else None):
        task = SelfPlay(config, arguments.start_from, arguments.run, CLOCKS[plan.clock])
        loop = TrainingLoop(task, arguments.run, plan)
        with stopped_by_signals(loop):
            loop.run()
    if is_first(arguments):
        print_written(arguments.run)
    return 0


def _preset_config(arguments: argparse.Namespace) -> "SelfPlayConfig":
    from training.distillation.trained_network import network_config
    from training.self_play.self_play_presets import self_play_preset

    network = None if arguments.start_from is None else network_config(arguments.start_from)
    return self_play_preset(arguments.preset, network)


def _config(arguments: argparse.Namespace) -> "SelfPlayConfig":
    from engine.frozen_config import with_overrides
    from training.runs.run_folder import read_settings
    from training.self_play.self_play_config import SelfPlayConfig

    if arguments.resume:
        return with_overrides(read_settings(arguments.run, SelfPlayConfig), arguments.set)
    if is_first(arguments):
        check_is_new(arguments.run)
    return with_overrides(_preset_config(arguments), arguments.set)
