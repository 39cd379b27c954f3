"""Fits a latent model beside a network that stays as it is, from labels of all legal moves.

    recursezero fit-model --network weights/wide --source packed/deep/train \\
        --validation packed/deep/validation --out weights/wide-model --minutes 30

The folder written plays with `MoveSelection cmpo`, and `recursezero self-play --start-from` goes on from it. A
network that has a latent model of this shape already is fitted further; another `--set seed=` then draws anew. Ctrl-C
ends the fit early; what was learned is measured and written. Figures go to OUT.run.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from engine.command_line import exit_status
from training.runs.run_clock import Plan

# Most of the time: the first part of it tells how many steps there will be.
_DECAY_SHARE = 0.8


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="recursezero fit-model",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--network", type=Path, required=True, help="folder of the network")
    parser.add_argument("--source", type=Path, action="append", required=True, help="folder of shards; repeatable")
    parser.add_argument("--validation", type=Path, required=True, help="folder of held-out shards")
    parser.add_argument("--out", type=Path, required=True, help="folder of the network with its model, a new one")
    parser.add_argument("--minutes", type=float, required=True, help="time of the fit, measuring not counted")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall", help="what a minute is (default wall)")
    parser.add_argument("--steps", type=int, help="at most this many steps")
    parser.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="override a setting of the fit"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Returns:
      0, 2 after one line on stderr that says what was wrong, or 130 after an interruption.
    """
    arguments = _parser().parse_args(argv)
    return exit_status("error", lambda: _fit(arguments), (ValueError, OSError))


def _fit(arguments: argparse.Namespace) -> int:
    plan = Plan(minutes=arguments.minutes, clock=arguments.clock, steps=arguments.steps, decay_share=_DECAY_SHARE)
    from engine.frozen_config import with_overrides
    from training.runs.training_loop import TrainingLoop, stopped_by_signals
    from training.self_play.fitting_run import ModelFitting, new_folders
    from training.self_play.model_fit import FitConfig

    config = with_overrides(FitConfig(), arguments.set)
    out, run = new_folders(arguments.out)
    fitting = ModelFitting(config, arguments.network, arguments.source, arguments.validation)
    run.parent.mkdir(parents=True, exist_ok=True)
    loop = TrainingLoop(fitting, run, plan)
    with stopped_by_signals(loop):
        state = loop.run()
    fitting.finish(state, out, run)
    print(f"wrote {arguments.out}", file=sys.stderr)
    return 0
