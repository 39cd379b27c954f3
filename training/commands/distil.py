"""Trains a network on packed, teacher-labelled positions.

    recursezero distil --run runs/mine --preset cpu --minutes 180 --decay-share 0.3 \\
        --source packed/all/train:0.6 --source packed/puzzles/train:0.05:puzzles --validation packed/all/validation

A source is FOLDER:WEIGHT, with `:puzzles` behind it where the values only mark the solution. Ctrl-C saves and ends;
`--resume` goes on from the newest checkpoint with the run's own settings and the same order of the data.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.command_line import exit_status
from training.commands.plan_arguments import add_plan_arguments, check_of_new_run, plan_of
from training.runs.durable_files import sole_writer

if TYPE_CHECKING:
    from training.distillation.distillation_config import RunConfig


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="recursezero distil",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--run", type=Path, required=True, help="folder of the run")
    parser.add_argument("--resume", action="store_true", help="go on with an existing run")
    parser.add_argument(
        "--start-from", type=Path, help="folder of a run or network, no larger, whose weights to start from"
    )
    parser.add_argument("--preset", default="cpu", help="network to train (default cpu)")
    parser.add_argument("--source", action="append", default=[], help="FOLDER:WEIGHT[:puzzles]; repeatable")
    parser.add_argument("--tau", type=float, default=0.05, help="temperature of the policy's targets (default .05)")
    parser.add_argument("--teacher", default="", help="folder of a run or of a network whose policy teaches, too")
    parser.add_argument("--validation", default="", help="folder of held-out shards")
    parser.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="override a setting of the run"
    )
    add_plan_arguments(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Returns:
      0, 2 after one line on stderr that says what was wrong, or 130 after an interruption.
    """
    arguments = _parser().parse_args(argv)
    return exit_status("error", lambda: _train(arguments), (ValueError, OSError))


def _train(arguments: argparse.Namespace) -> int:
    from training.distillation.distillation_run import Distillation
    from training.runs.training_loop import TrainingLoop, stopped_by_signals

    plan = plan_of(arguments)
    if arguments.resume:
        check_of_new_run(
            **{name: getattr(arguments, name) for name in ("start_from", "source", "teacher", "validation")}
        )
    config = _read_config(arguments) if arguments.resume else _new_config(arguments)
    arguments.run.parent.mkdir(parents=True, exist_ok=True)
    with sole_writer(arguments.run):
        loop = TrainingLoop(Distillation(config, arguments.start_from), arguments.run, plan)
        with stopped_by_signals(loop):
            loop.run()
    return 0


def _read_config(arguments: argparse.Namespace) -> "RunConfig":
    from engine.frozen_config import with_overrides
    from training.distillation.trained_network import read_config

    return with_overrides(read_config(arguments.run), arguments.set)


def _new_config(arguments: argparse.Namespace) -> "RunConfig":
    from engine.frozen_config import with_overrides
    from engine.network.network_presets import preset
    from training.distillation.distillation_config import RunConfig, TeacherConfig, parse_source

    if arguments.run.exists():
        raise ValueError(f"expected a new folder for --run, got {arguments.run}, which exists; use --resume to go on")
    if not arguments.source:
        raise ValueError("expected at least one --source FOLDER:WEIGHT, got none")
    sources = tuple(parse_source(text, arguments.tau) for text in arguments.source)
    teacher, network = TeacherConfig(folder=arguments.teacher), preset(arguments.preset)
    config = RunConfig(network=network, sources=sources, teacher=teacher, validation=arguments.validation)
    return with_overrides(config, arguments.set)
