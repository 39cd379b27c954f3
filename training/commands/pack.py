"""Packs text labels for training: `recursezero pack --source all --in FILE --out FOLDER`."""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.command_line import exit_status
from training.runs.durable_files import sole_writer

if TYPE_CHECKING:
    from training.packed.label_packing import PackCounts, Progress

_REFRESH_S = 1.0
_REFRESH_IN_LOG_S = 30.0


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program.

    Args:
      argv: the arguments after the program's name; by default the process's own.

    Returns:
      0, 2 after an error has been written to stderr, or 130 after an interruption.
    """
    arguments = _parser().parse_args(argv)
    return exit_status("pack", lambda: _pack(arguments), (ValueError, OSError))


def _pack(arguments: argparse.Namespace) -> int:
    from contextlib import ExitStack

    from engine.files.text_file import on_disk

    with ExitStack() as copies:
        arguments.inputs = [copies.enter_context(on_disk(path)) for path in arguments.inputs]
        return _pack_files(arguments)


def _pack_files(arguments: argparse.Namespace) -> int:
    from training.packed.label_packing import PackConfig, pack_labels

    started_s = time.monotonic()
    config = PackConfig(
        kind=arguments.source,
        inputs=tuple(arguments.inputs),
        out=arguments.out,
        name=arguments.name or arguments.out.name,
        exclude=tuple(arguments.exclude),
        unique_from=tuple(arguments.unique_from),
        validation_percent=arguments.validation_percent,
        workers=arguments.workers,
        strict=arguments.strict,
    )
    with sole_writer(arguments.out):
        counts = pack_labels(config, _progress_line())
    elapsed_s = time.monotonic() - started_s
    print(f"packed {_summary(counts)} in {elapsed_s:.0f} s: {arguments.out}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="recursezero pack",
        description="Packs labelled positions into memory-mapped arrays for training.",
    )
    add = parser.add_argument
    add(
        "--source",
        required=True,
        choices=("all", "top4", "puzzles"),
        help="format of the input: every move's value, the best four moves, or Lichess puzzles",
    )
    add(
        "--in",
        dest="inputs",
        required=True,
        nargs="+",
        type=Path,
        metavar="FILE",
        help="files of labels, compressed or not; of equal positions the first is kept",
    )
    add("--out", required=True, type=Path, metavar="DIR", help="new folder for train, validation")
    add("--name", help="name of the set in its manifest (default: the name of DIR)")
    add(
        "--exclude",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="leave out every position of this file of labels; may be repeated",
    )
    add(
        "--unique-from",
        action="append",
        default=[],
        type=Path,
        metavar="DIR",
        help="leave out every position of this packed folder; may be repeated",
    )
    add(
        "--validation-percent",
        type=float,
        default=1.0,
        metavar="X",
        help="share of the games or puzzles kept for validation (default: 1)",
    )
    add("--workers", type=int, default=2, metavar="N", help="parsing processes (default: 2)")
    add("--strict", action="store_true", help="stop at the first line that cannot be read (default: leave it out)")
    return parser


def _progress_line() -> "Progress":
    """Returns a callback that writes rate and remaining time to stderr, rarely in a log file."""
    started_s = time.monotonic()
    in_terminal = sys.stderr.isatty()
    refresh_s = _REFRESH_S if in_terminal else _REFRESH_IN_LOG_S
    next_s = started_s + refresh_s

    def show(counts: "PackCounts", share: float) -> None:
        nonlocal next_s
        now_s = time.monotonic()
        is_last = share >= 1.0 and in_terminal
        if now_s < next_s and not is_last:
            return
        next_s = now_s + refresh_s
        elapsed_s = max(now_s - started_s, 1e-9)
        left_s = elapsed_s * (1.0 - share) / share if share > 0 else float("inf")
        line = f"{share:6.1%}  {_summary(counts)}  {counts.total / elapsed_s:.0f}/s  {left_s / 60:.1f} min left"
        end = "\r" if in_terminal and share < 1.0 else "\n"
        print(line, end=end, file=sys.stderr, flush=True)

    return show


def _summary(counts: "PackCounts") -> str:
    return (
        f"{counts.train} train + {counts.validation} validation positions "
        f"(left out: {counts.duplicate} duplicate, {counts.excluded} excluded, "
        f"{counts.forced} forced, {counts.unreadable} unreadable)"
    )
