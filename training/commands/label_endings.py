"""Makes labelled positions of K+Q v K and K+R v K from exact distances to mate; no engine is needed.

    recursezero label-endings --out endings.tsv --positions 20000

A short search values all sound moves of these endings alike, and a net that learns that shuffles until the game is
drawn. Here the quickest mate in n is worth 1 - .001 n as everywhere, every move later costs --per-move (more than in
the other labels, so that the policy's target tells the moves apart), and what does not win is worth .5.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.command_line import exit_status
from training.commands.engine_arguments import positive_whole

if TYPE_CHECKING:
    import chess

_LEAST_WON = 0.55  # a win, however slow, is worth more than a draw


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Returns:
      0, 2 after one line on stderr that says what was wrong, or 130 after an interruption.
    """
    parser = argparse.ArgumentParser(
        prog="recursezero label-endings",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--out", type=Path, required=True, help="new file")
    add("--positions", type=positive_whole, default=20_000, metavar="N", help="to label (default 20000)")
    add("--per-move", type=float, default=0.05, metavar="X", help="what a move later costs, 0..1 (default .05)")
    add("--seed", type=int, default=1, help="decides the positions (default 1)")
    arguments = parser.parse_args(argv)
    return exit_status("label_endings", lambda: _label(arguments), (ValueError, OSError))


def _label(arguments: argparse.Namespace) -> int:
    if not 0 <= arguments.per_move <= 1:
        raise ValueError(f"expected --per-move in 0..1, got {arguments.per_move}")
    with arguments.out.open("x") as file:
        for line in ending_lines(arguments.positions, arguments.per_move, arguments.seed):
            file.write(line)
    print(f"wrote {arguments.positions} positions to {arguments.out}", file=sys.stderr)
    return 0


def ending_lines(count: int, per_move: float, seed: int) -> Iterator[str]:
    """Yields lines of the `all` format, each a position of its own with the winner to move.

    Args:
      count: how many.
      per_move: what a move later costs, in expected score.
      seed: decides the positions.
    """
    import random

    from training.labels.label_formats import all_values_line
    from training.labels.label_source import KnownPositions
    from training.labels.won_endings import WonEnding, won_ending

    rng, known = random.Random(f"endings {seed}"), KnownPositions()
    kinds: tuple[WonEnding, ...] = ("K+Q v K", "K+R v K")
    made = 0
    while made < count:
        board = won_ending(rng, kinds[made % 2])
        if known.add_fen(board.fen()):
            yield all_values_line(f"endings.{seed}.{made}", board.fen(), ending_values(board, per_move))
            made += 1


def ending_values(board: "chess.Board", per_move: float) -> list[float]:
    """Returns the values of the legal moves in the order of their UCI text.

    Args:
      board: K+Q v K or K+R v K with the winner to move.
      per_move: what a move later costs, in expected score.
    """
    from training.labels.expected_score import mate_to_value
    from training.labels.lone_king import mate_in

    moves = sorted(board.legal_moves, key=lambda move: move.uci())
    mates = [mate_in(board, move) for move in moves]
    quickest = min((mate for mate in mates if mate is not None), default=1)
    best = mate_to_value(quickest, mates=True)
    return [0.5 if mate is None else max(_LEAST_WON, best - per_move * (mate - quickest)) for mate in mates]
