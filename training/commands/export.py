"""Exports the averaged weights of a training run as a network's folder that plays.

A run that began at other weights may play better half-way back to them: `--mix weights/before`.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from engine.command_line import print_written
from engine.command_options import add_example, add_settings, number
from training.runs.durable_files import sole_writer

if TYPE_CHECKING:
    from engine.network.network_config import NetworkConfig


def add_export(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `recursezero export`."""
    add = parser.add_argument
    add("--run", type=Path, required=True, metavar="DIR", help="folder of the run")
    add("--out", type=Path, required=True, metavar="DIR", help="folder of the network; an older network is replaced")
    add_settings(parser, _settings, "the network")
    add("--mix", type=Path, metavar="DIR", help="average the weights with those of this run or network")
    add("--mix-share", type=number, default=0.5, metavar="X", help="its share of the average (default: 0.5)")
    add("--note", default="", metavar="TEXT", help="text for the network's card")
    add_example(parser, 'recursezero export --run runs/mine --out weights/mine --note "first net"')
    parser.set_defaults(work=_export)


def _settings(_arguments: argparse.Namespace) -> "type[NetworkConfig]":
    from engine.network.network_config import NetworkConfig

    return NetworkConfig


def _export(arguments: argparse.Namespace) -> int:
    from training.export.exporting import STAGES, Mix, export_run
    from training.reporting.progress_bar import progress_bar

    mix = Mix(arguments.mix, arguments.mix_share) if arguments.mix else None
    with sole_writer(arguments.out), progress_bar("exporting", STAGES, "stages") as advance:
        rest = arguments.note, mix, lambda text: advance(1, text)
        size = export_run(arguments.run, arguments.out, arguments.set, *rest)
    print_written(arguments.out, note=f"{size / 1e6:.2f} MB")
    return 0
