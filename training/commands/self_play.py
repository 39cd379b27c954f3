"""Learns a game by self-play from nothing, with Muesli.

    recursezero self-play --run runs/ttt --preset tic_tac_toe --minutes 5 --decay-share 0.5
    recursezero self-play --run runs/chess --preset chess --start-from weights/wide --minutes 600 \\
        --decay-share 0.5

Figures go to metrics.jsonl and TensorBoard files in the run's folder, which `recursezero watch` shows. Ctrl-C saves and
ends; `--resume` goes on from the newest checkpoint with the run's own settings. A step of the plan is an iteration.
Lanes of games are divided over all devices; `--group` makes several processes, on one machine or more, one run, whose
folder they share and whose plan is then best counted in `--steps`.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.command_line import exit_status
from training.commands.plan_arguments import add_plan_arguments, check_of_new_run, plan_of
from training.runs.durable_files import sole_writer

if TYPE_CHECKING:
    from training.self_play.self_play_config import SelfPlayConfig


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="recursezero self-play", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", type=Path, required=True, help="folder of the run")
    parser.add_argument("--resume", action="store_true", help="go on with an existing run")
    parser.add_argument("--start-from", type=Path, help="folder of a run or network of chess to take weights from")
    parser.add_argument("--preset", default="tic_tac_toe", help="settings to begin with (default tic_tac_toe)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="override a setting of the run"
    )
    parser.add_argument(
        "--group",
        nargs=3,
        metavar=("HOST:PORT", "PROCESSES", "INDEX"),
        help="run as one of several processes: where the first one is, how many, which one this is, from 0",
    )
    add_plan_arguments(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Returns:
      0, 2 after one line on stderr that says what was wrong, or 130 after an interruption.
    """
    arguments = _parser().parse_args(argv)
    return exit_status("error", lambda: _learn(arguments), (ValueError, OSError))


def _learn(arguments: argparse.Namespace) -> int:
    plan = plan_of(arguments)
    if arguments.resume:
        check_of_new_run(start_from=arguments.start_from)
    if arguments.group:
        # Before anything else: importing the games already asks for the devices.
        from training.self_play.process_group import join_process_group

        coordinator, processes, index = arguments.group
        join_process_group(coordinator, int(processes), int(index))
    config = _config(arguments)
    from training.runs.training_loop import TrainingLoop, stopped_by_signals
    from training.self_play.self_play_run import SelfPlay

    arguments.run.parent.mkdir(parents=True, exist_ok=True)
    is_one_of_many = arguments.group is not None and arguments.group[2] != "0"
    with sole_writer(None if is_one_of_many else arguments.run):
        loop = TrainingLoop(SelfPlay(config, arguments.start_from), arguments.run, plan)
        with stopped_by_signals(loop):
            loop.run()
    return 0


def _config(arguments: argparse.Namespace) -> "SelfPlayConfig":
    from engine.frozen_config import with_overrides
    from training.distillation.trained_network import network_config
    from training.runs.run_folder import read_settings
    from training.self_play.self_play_config import SelfPlayConfig
    from training.self_play.self_play_presets import self_play_preset

    if arguments.resume:
        return with_overrides(read_settings(arguments.run, SelfPlayConfig), arguments.set)
    makes_folder = arguments.group is None or arguments.group[2] == "0"
    if makes_folder and arguments.run.exists():
        raise ValueError(f"expected a new folder for --run, got {arguments.run}, which exists; use --resume to go on")
    network = None if arguments.start_from is None else network_config(arguments.start_from)
    return with_overrides(self_play_preset(arguments.preset, network), arguments.set)
