"""Measures the share of Lichess puzzles solved, over all and by rating."""

import sys
from collections.abc import Sequence

from training.evaluate import run_measure


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the measure `puzzles` of `training.evaluate`, so that it has a name of its own.

    Args:
      argv: the arguments after the program's name; by default the process's own.

    Returns:
      As `training.evaluate`.
    """
    return run_measure("recursezero", ["puzzles", *(sys.argv[1:] if argv is None else argv)])


if __name__ == "__main__":
    sys.exit(main())
