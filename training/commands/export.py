"""Makes a network's folder for play from a training run.

recursezero export --run runs/mine --out weights/mine --note "first net"

A run that began at other weights may play better half-way back to them: `--mix weights/before`.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from engine.command_line import exit_status
from training.runs.durable_files import sole_writer


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="recursezero export",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--run", type=Path, required=True, help="folder of the run")
    parser.add_argument("--out", type=Path, required=True, help="folder of the network; one that is there is replaced")
    parser.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="override a network's setting"
    )
    parser.add_argument("--mix", type=Path, help="folder of a run or network whose weights are averaged with the run's")
    parser.add_argument("--mix-share", type=float, default=0.5, help="its share of the average (default .5)")
    parser.add_argument("--note", default="", help="text for the card")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Returns:
      0, 2 after one line on stderr that says what was wrong, or 130 after an interruption.
    """
    arguments = _parser().parse_args(argv)
    return exit_status("error", lambda: _export(arguments), (ValueError, OSError))


def _export(arguments: argparse.Namespace) -> int:
    from training.export.exporting import Mix, export_run

    mix = Mix(arguments.mix, arguments.mix_share) if arguments.mix else None
    with sole_writer(arguments.out):
        size = export_run(arguments.run, arguments.out, arguments.set, arguments.note, mix)
    print(f"wrote {arguments.out}, {size / 1e6:.2f} MB", file=sys.stderr)
    return 0
