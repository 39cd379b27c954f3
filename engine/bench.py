"""Benchmark of one evaluation on fixed positions, with a checksum of what was evaluated.

Equal `outputs` checksums mean bitwise equal policies and results: the test for a change that must
not change anything. `moves` depends on the most probable moves alone, which other hardware should
find too. The last line has the form that match programs read.
"""

import argparse
import hashlib
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import chess

    from engine.player.evaluator import Evaluation, Evaluator


@dataclass(frozen=True, kw_only=True)
class BenchResult:
    """What the benchmark found."""

    evaluations: int
    seconds: float
    median_s: float  # of one evaluation
    p99_s: float
    outputs_checksum: str  # of policies, results and solver steps, bit by bit
    moves_checksum: str  # of the most probable moves

    def lines(self) -> list[str]:
        """Returns the report."""
        rate = self.evaluations / self.seconds
        return [
            f"outputs checksum   {self.outputs_checksum}",
            f"moves checksum     {self.moves_checksum}",
            f"evaluations        {self.evaluations} in {self.seconds:.2f} s",
            f"evaluations per s  {rate:.1f}",
            f"median             {self.median_s * 1e3:.2f} ms",
            f"99th percentile    {self.p99_s * 1e3:.2f} ms",
            f"{self.evaluations} nodes {rate:.0f} nps",
        ]


def run_bench(
    evaluator: "Evaluator",
    boards: Sequence["chess.Board"],
    rounds: int,
    clock_s: Callable[[], float] = time.perf_counter,
) -> BenchResult:
    """Evaluates every board alone, several times over.

    Args:
      evaluator: compiled already; it must not remember positions.
      boards: positions with legal moves.
      rounds: at least 1; the checksums are those of the last one.
      clock_s: seconds from any origin.
    """
    times_s: list[float] = []
    evaluations: list[Evaluation] = []
    for _ in range(rounds):
        evaluations = []
        for board in boards:
            started_s = clock_s()
            evaluations += evaluator.evaluate([board])
            times_s.append(clock_s() - started_s)
    times_s.sort()
    moves = " ".join(evaluation.moves[int(evaluation.log_probs.argmax())].uci() for evaluation in evaluations)
    return BenchResult(
        evaluations=len(times_s),
        seconds=sum(times_s),
        median_s=_quantile(times_s, 0.5),
        p99_s=_quantile(times_s, 0.99),
        outputs_checksum=_checksum(b"".join(map(_output_bytes, evaluations))),
        moves_checksum=_checksum(moves.encode()),
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the benchmark; returns the exit status."""
    parser = argparse.ArgumentParser(prog="recursezero bench", description=__doc__)
    weights_help = "folder of the network (default: the shipped one)"
    parser.add_argument("--weights", type=Path, metavar="DIR", help=weights_help)
    parser.add_argument("--rounds", type=int, default=5, help="times each position is evaluated")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    arguments = parser.parse_args(argv)
    if arguments.rounds < 1 or arguments.threads < 1:
        parser.error("expected at least 1 for --rounds and --threads")
    import chess

    from engine.bench_positions import BENCH_POSITIONS
    from engine.thread_limit import limit_threads
    from engine.weights_location import default_weights_folder

    limit_threads(arguments.threads)
    try:
        folder = arguments.weights or default_weights_folder()
        from engine.player.network_evaluator import load_network_evaluator

        evaluator = load_network_evaluator(folder)
    except ValueError as error:
        parser.error(str(error))
    boards = [chess.Board(fen) for fen in BENCH_POSITIONS]
    print("\n".join(run_bench(evaluator, boards, arguments.rounds).lines()))
    return 0


def _quantile(sorted_values: Sequence[float], share: float) -> float:
    """Returns the smallest value that at least this share of all values does not exceed."""
    return sorted_values[math.ceil(share * len(sorted_values)) - 1]


def _output_bytes(evaluation: "Evaluation") -> bytes:
    return (
        evaluation.log_probs.astype("<f4").tobytes()
        + evaluation.wdl_to_move.astype("<f4").tobytes()
        + evaluation.steps.to_bytes(4, "little")
    )


def _checksum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
