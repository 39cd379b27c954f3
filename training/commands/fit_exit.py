"""Fits an exit to a network that stays as it is: easy positions end after one application of its blocks.

The network itself is the teacher, so packed positions of any labels will do; labels only measure. Positions that go on
are evaluated as before. `--set share=` says how many positions are to end early.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from engine.command_line import print_written
from engine.command_options import add_example, add_settings

if TYPE_CHECKING:
    from training.distillation.exit_fitting import ExitFitConfig


def add_fit_exit(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `recursezero fit-exit`."""
    add = parser.add_argument
    add("--weights", type=Path, required=True, metavar="DIR", help="folder of the network")
    add_settings(parser, _settings, "the fit")
    add("--source", required=True, metavar="DIR", help="packed set of positions to fit to")
    add("--validation", required=True, metavar="DIR", help="packed set of held-out positions")
    add("--out", type=Path, required=True, metavar="DIR", help="new folder of the network with its exit")
    add_example(
        parser,
        "recursezero fit-exit --weights weights/wide --out weights/wide-exit --source packed/all/train",
        "--validation packed/all/validation",
    )
    parser.set_defaults(work=_fit)


def _settings(_arguments: argparse.Namespace) -> "ExitFitConfig":
    from training.distillation.exit_fitting import ExitFitConfig

    return ExitFitConfig()


def _fit(arguments: argparse.Namespace) -> int:
    from engine.frozen_config import with_overrides
    from training.distillation.exit_fitting import fit_exit
    from training.packed.ranged_shards import open_shards

    config = with_overrides(_settings(arguments), arguments.set)
    if arguments.out.exists():
        raise ValueError(f"expected a new place for --out, got {arguments.out}, which exists")
    sets = open_shards(arguments.source), open_shards(arguments.validation)
    fit_exit(arguments.weights, arguments.out, *sets, config, tell=lambda line: print(line, flush=True))
    print_written(arguments.out)
    return 0
