"""Fits a latent model to a network that stays as it is, from labels of all legal moves.

The folder written plays with `MoveSelection cmpo`, and `recursezero self-play --start-from` goes on from it. A
network that has a latent model of this shape already is fitted further; another `--set seed=` then draws anew. Ctrl-C
ends the fit early; what was learned is measured and written. Figures go to OUT.run.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from engine.command_line import print_written
from engine.command_options import add_clock, add_example, add_fields, add_settings
from training.runs.run_clock import Plan

if TYPE_CHECKING:
    from training.self_play.model_fit import FitConfig

# Most of the time: the first part of it tells how many steps there will be.
_DECAY_SHARE = 0.8


def add_fit_model(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `recursezero fit-model`."""
    add = parser.add_argument
    add("--weights", type=Path, required=True, metavar="DIR", help="folder of the network")
    add_settings(parser, _settings, "the fit")
    source_help = "packed set of labels of all moves; repeatable"
    add("--source", type=Path, action="append", required=True, metavar="DIR", help=source_help)
    add("--validation", type=Path, required=True, metavar="DIR", help="packed set of held-out positions")
    add("--out", type=Path, required=True, metavar="DIR", help="new folder of the network with its model")
    add_fields(parser, Plan, {"minutes": "time to train for"})
    add_clock(parser)
    add_fields(parser, Plan, {"steps": "end after this many steps"})
    add_example(
        parser,
        "recursezero fit-model --weights weights/wide --out weights/wide-model --minutes 30",
        "--source packed/deep/train --validation packed/deep/validation",
    )
    parser.set_defaults(work=_fit)


def _settings(_arguments: argparse.Namespace) -> "FitConfig":
    from training.self_play.model_fit import FitConfig

    return FitConfig()


def _fit(arguments: argparse.Namespace) -> int:
    plan = Plan(minutes=arguments.minutes, clock=arguments.clock, steps=arguments.steps, decay_share=_DECAY_SHARE)
    from engine.frozen_config import with_overrides
    from training.runs.training_loop import TrainingLoop, stopped_by_signals
    from training.self_play.fitting_run import ModelFitting, new_folders

    config = with_overrides(_settings(arguments), arguments.set)
    out, run = new_folders(arguments.out)
    fitting = ModelFitting(config, arguments.weights, arguments.source, arguments.validation)
    run.parent.mkdir(parents=True, exist_ok=True)
    loop = TrainingLoop(fitting, run, plan)
    with stopped_by_signals(loop):
        state = loop.run()
    fitting.finish(state, out, run)
    print_written(arguments.out)
    return 0
