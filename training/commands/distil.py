"""Trains a network on packed, teacher-labelled positions.

Ctrl-C saves and ends; `--resume` continues from the newest checkpoint with the run's own settings and the same order of
the data. Batches are divided over all devices; `--group` makes several processes, on one machine or more, one run,
whose folder they share.
"""

import argparse

from engine.command_line import print_written
from engine.command_options import add_example, add_fields, add_preset, add_settings
from training.commands.plan_arguments import (
    add_group,
    add_plan,
    add_run,
    add_source,
    check_is_new,
    check_of_new_run,
    is_first,
    join_group,
    network_presets,
    plan_of,
)
from training.distillation.distillation_config import RunConfig, SourceConfig, TeacherConfig, parse_source
from training.runs.durable_files import sole_writer


def add_distil(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `recursezero distil`."""
    add_run(parser)
    add_preset(parser, "cpu", network_presets, "the network")
    add_settings(parser, _preset_config, "the run")
    add_source(parser)
    add = parser.add_argument
    add("--validation", default="", metavar="DIR", help="packed set of held-out positions")
    add_fields(parser, SourceConfig, {"tau": "temperature of the policy's targets, in expected score"})
    add("--teacher", default="", metavar="DIR", help="folder of a run or network whose policy is learned from too")
    add_group(parser)
    add_plan(parser)
    add_example(
        parser,
        "recursezero distil --run runs/mine --minutes 180 --decay-share 0.3",
        "--source packed/all/train:0.95 --source packed/puzzles/train:0.05:puzzles",
        "--validation packed/all/validation",
    )
    parser.set_defaults(work=_train)


def _train(arguments: argparse.Namespace) -> int:
    plan = plan_of(arguments)
    if arguments.resume:
        check_of_new_run(
            **{name: getattr(arguments, name) for name in ("start_from", "source", "teacher", "validation")}
        )
    join_group(arguments)
    from training.distillation.distillation_run import Distillation
    from training.runs.training_loop import TrainingLoop, stopped_by_signals

    config = _config(arguments)
    arguments.run.parent.mkdir(parents=True, exist_ok=True)
    with sole_writer(arguments.run if is_first(arguments) else None):
        loop = TrainingLoop(Distillation(config, arguments.start_from), arguments.run, plan)
        with stopped_by_signals(loop):
            loop.run()
    if is_first(arguments):
        print_written(arguments.run)
    return 0


def _preset_config(arguments: argparse.Namespace) -> RunConfig:
    from engine.network.network_presets import preset

    return RunConfig(network=preset(arguments.preset), sources=())


def _config(arguments: argparse.Namespace) -> RunConfig:
    from dataclasses import replace

    from engine.frozen_config import with_overrides
    from training.distillation.trained_network import read_config

    if arguments.resume:
        return with_overrides(read_config(arguments.run), arguments.set)
    if is_first(arguments):
        check_is_new(arguments.run)
    if not arguments.source:
        raise ValueError("expected at least one --source DIR:WEIGHT, got none")
    config = replace(
        _preset_config(arguments),
        sources=tuple(parse_source(text, arguments.tau) for text in arguments.source),
        teacher=TeacherConfig(folder=arguments.teacher),
        validation=arguments.validation,
    )
    return with_overrides(config, arguments.set)
