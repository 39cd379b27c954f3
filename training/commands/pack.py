"""Packs text labels into memory-mapped arrays for training."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from engine.command_line import print_written
from engine.command_options import add_example, add_fields, add_strict, config_from
from training.runs.durable_files import sole_writer

if TYPE_CHECKING:
    from training.packed.label_packing import PackCounts


def add_pack(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `recursezero pack`."""
    from training.packed.label_packing import LABEL_KINDS, PackConfig

    add = parser.add_argument
    format_help = "format of the labels: a value of every move, of the best four, or Lichess puzzles"
    add("--format", dest="kind", required=True, choices=LABEL_KINDS, help=format_help)
    in_help = "files of labels, compressed or not, - for standard input; of equal positions the first is kept"
    add("--in", dest="inputs", required=True, nargs="+", type=Path, metavar="FILE", help=in_help)
    add("--out", required=True, type=Path, metavar="DIR", help="new folder for the sets `train` and `validation`")
    add("--name", metavar="NAME", help="name of the set in its manifest (default: the name of the folder)")
    exclude_help = "leave out the positions of this file of labels; repeatable"
    add("--exclude", action="append", default=[], type=Path, metavar="FILE", help=exclude_help)
    unique_help = "leave out the positions of this packed set; repeatable"
    add("--unique-from", action="append", default=[], metavar="DIR", help=unique_help)
    add_strict(parser, "line")
    numbers = {
        "validation_percent": "percentage of the games or puzzles kept for validation",
        "processes": "processes that read the labels",
    }
    add_fields(parser, PackConfig, numbers)
    add_example(parser, "recursezero pack --format all --in labels.tsv --out packed/all")
    parser.set_defaults(work=_pack)


def _pack(arguments: argparse.Namespace) -> int:
    from contextlib import ExitStack

    from engine.files.text_file import on_disk

    with ExitStack() as copies:
        arguments.inputs = [copies.enter_context(on_disk(path)) for path in arguments.inputs]
        return _pack_files(arguments)


def _pack_files(arguments: argparse.Namespace) -> int:
    from training.packed.label_packing import PackConfig, pack_labels
    from training.reporting.progress_bar import progress_bar

    given = {name: tuple(getattr(arguments, name)) for name in ("inputs", "exclude", "unique_from")}
    config = config_from(arguments, PackConfig, **given, name=arguments.name or arguments.out.name)
    shown = 0.0
    with sole_writer(arguments.out), progress_bar("packing", 100, "%") as advance:

        def report(counts: "PackCounts", share: float) -> None:
            nonlocal shown
            advance(100 * share - shown, f"{counts.total} positions")
            shown = 100 * share

        counts = pack_labels(config, report)
    packed = f"{counts.train} train + {counts.validation} validation positions"
    print(f"packed {packed} (left out: {counts.left_out()})")
    print_written(arguments.out)
    return 0
