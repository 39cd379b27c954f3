"""Makes labelled positions: a UCI engine values every legal move of the positions of its own noisy games.

    python -m training.label --engine stockfish --out labels.tsv --depth 4 --processes 2 --minutes 60

Run it again with the same --out to go on; the file grows and holds no position twice. Pack it with training.pack.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.label", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--engine", required=True, help="command of a UCI engine with MultiPV")
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help="UCI option; repeatable")
    parser.add_argument("--out", type=Path, required=True, help="file to append to")
    parser.add_argument("--depth", type=int, default=4, help="plies of the teacher's search (default 4)")
    parser.add_argument("--starts", type=Path, help="file of FENs or EPDs (plain or .xz) where half of the games start")
    parser.add_argument("--seed", type=int, default=1, help="decides the games (default 1)")
    parser.add_argument("--processes", type=int, default=1, help="engines at work at once (default 1)")
    parser.add_argument("--positions", type=int, default=10**9, help="stop after adding so many")
    parser.add_argument("--minutes", type=float, default=60.0, help="stop after so long (default 60)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Returns:
      0, or 2 after one line on stderr that says what was wrong.
    """
    arguments = _parser().parse_args(argv)
    try:
        added = _label(arguments)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    print(f"\nadded {added} positions to {arguments.out}", file=sys.stderr)
    return 0


def _label(arguments: argparse.Namespace) -> int:
    import shlex

    from training.labelling import LabelConfig, label_positions, read_starts

    config = LabelConfig(
        engine=tuple(shlex.split(arguments.engine)),
        options=tuple(_option(text) for text in arguments.option),
        depth=arguments.depth,
        starts=read_starts(arguments.starts) if arguments.starts else (),
        seed=arguments.seed,
        processes=arguments.processes,
    )

    def report(added: int, passed_s: float) -> None:
        rate = added / passed_s
        left_s = min(arguments.minutes * 60 - passed_s, (arguments.positions - added) / max(rate, 1e-9))
        print(f"\r{added} positions  {rate:.0f}/s  {left_s / 60:.1f} min left ", end="", file=sys.stderr, flush=True)

    return label_positions(config, arguments.out, arguments.positions, arguments.minutes, report)


def _option(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"expected --option as NAME=VALUE, got {text!r}")
    return name, value


if __name__ == "__main__":
    sys.exit(main())
