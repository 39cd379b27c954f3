"""Times one evaluation on fixed positions, with a checksum of the results.

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
from typing import TYPE_CHECKING

from engine.command_options import add_example, add_weights, positive_whole

if TYPE_CHECKING:
    import chess

    from engine.player.evaluator import Evaluation, Evaluator


# Openings, middlegames, endgames and tactics.
BENCH_POSITIONS = (
    "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1",  # the starting position
    # openings
    "rnbqkb1r/1p2pppp/p2p1n2/8/3NP3/2N5/PPP2PPP/R1BQKB1R w KQkq - 0 6",
    "rnbq1rk1/ppp1bppp/4pn2/3p2B1/2PP4/2N1P3/PP3PPP/R2QKBNR w KQ - 1 6",
    "r1bqkb1r/1ppp1ppp/p1n2n2/4p3/B3P3/5N2/PPPP1PPP/RNBQ1RK1 b kq - 3 5",
    "rnbq1rk1/ppp2pbp/3p1np1/4p3/2PPP3/2N2N2/PP2BPPP/R1BQK2R w KQ - 0 7",
    "r1bqkbnr/pp3ppp/2n1p3/2ppP3/3P4/2P2N2/PP3PPP/RNBQKB1R b KQkq - 2 5",
    "rn1qkbnr/pp2ppp1/2p3bp/8/3P3P/6N1/PPP2PP1/R1BQKBNR w KQkq - 0 7",
    "r1bqkb1r/ppp2ppp/2n5/3np3/8/2N2NP1/PP1PPP1P/R1BQKB1R w KQkq - 0 6",
    # middlegames
    "r2qrbk1/1bpn1p1p/p2p1np1/1p2p3/3PP3/2P2NNP/PPB2PP1/R1BQR1K1 w - - 0 15",
    "r1bqkb1r/3n1ppp/4pn2/1p2P3/3p4/3B1N2/PP3PPP/R1BQK2R w KQkq - 0 12",
    "2rq1rk1/pp1bppbp/3p1np1/4n3/3NP3/1BN1BP2/PPPQ2PP/2KR3R w - - 9 12",
    "r1b2rk1/ppq2ppp/2n1pn2/2p5/2BP4/P1P1PN2/5PPP/R1BQ1RK1 w - - 1 11",
    "r1bq1rk1/ppp1n1bp/3p1np1/3Pp3/2P1Pp2/2NN1P2/PP1BB1PP/R2Q1RK1 w - - 0 13",
    "r2q1rk1/ppp1bppp/4b3/3p4/1nPPn3/2N2N2/PP2BPPP/R1BQ1RK1 w - - 5 11",
    # endgames
    "8/8/8/4k3/8/8/4P3/4K3 w - - 0 1",
    "1K6/1P1k4/8/8/8/8/r7/2R5 w - - 0 1",
    "4k3/7R/r7/3KP3/8/8/8/8 b - - 3 60",
    "4k3/8/8/3KP3/8/r7/8/7R w - - 0 1",
    "8/5k2/8/8/8/2B5/3N4/4K3 w - - 12 40",
    "8/p4k2/1p4p1/2p2p1p/2P2P1P/1P2K1P1/P7/8 w - - 0 35",
    "8/8/4kpp1/3p1b2/p6P/2B5/6P1/6K1 b - - 0 47",
    "3r2k1/5ppp/8/8/8/8/1Q3PPP/6K1 w - - 0 30",
    "6k1/5pp1/7p/3n4/8/2N3P1/5PKP/8 b - - 4 38",
    # tactics
    "r1bqk2r/pppp1ppp/2n2n2/4p3/1bB1P3/2N2N2/PPPP1PPP/R1BQK2R w KQkq - 6 5",
    "6k1/5ppp/8/8/8/8/5PPP/3R2K1 w - - 0 1",
    "r2qkb1r/pp2nppp/3p4/2pNN1B1/2BnP3/3P4/PPP2PPP/R2bK2R w KQkq - 1 10",
    "6rk/6pp/3N4/8/8/8/5PPP/6K1 b - - 0 1",
    "r4rk1/ppp2ppp/3q1n2/3p4/3P2b1/2PB1N2/PP3PPP/R1BQR1K1 w - - 5 14",
    "2kr3r/pppq1ppp/2np1n2/4p1B1/2B1P1b1/2NP1N2/PPP2PPP/R2Q1RK1 w - - 4 9",
    "4k3/P6P/8/8/8/8/p6p/4K3 w - - 0 1",
    "rnbqkbnr/ppp1p1pp/8/3pPp2/8/8/PPPP1PPP/RNBQKBNR w KQkq f6 0 3",
)


@dataclass(frozen=True, kw_only=True)
class BenchResult:
    """Holds the times and checksums of a benchmark."""

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


def add_bench(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `recursezero bench`."""
    add_weights(parser)
    add = parser.add_argument
    add("--rounds", type=positive_whole, default=5, metavar="N", help="evaluations of each position (default: 5)")
    add("--threads", type=positive_whole, default=1, metavar="N", help="CPU threads (default: 1)")
    add("--start", action="store_true", help="measure N cold and N warm starts of the engine instead")
    add("--training", action="store_true", help="time a step of training instead: see `bench --training --help`")
    add_example(parser, "recursezero bench --rounds 2")
    parser.set_defaults(work=_bench)


def _bench(arguments: argparse.Namespace) -> int:
    print("\n".join(_start_lines(arguments) if arguments.start else _evaluation_lines(arguments)))
    return 0


def _start_lines(arguments: argparse.Namespace) -> list[str]:
    from engine.engine_command import own_engine_command
    from engine.start_bench import start_lines

    return start_lines(own_engine_command(arguments.weights), arguments.rounds)


def _evaluation_lines(arguments: argparse.Namespace) -> list[str]:
    import chess

    from engine.player.backend import limit_threads
    from engine.weights_location import default_weights_folder

    limit_threads(arguments.threads)
    folder = arguments.weights or default_weights_folder()
    from engine.player.network_evaluator import load_network_evaluator

    evaluator = load_network_evaluator(folder)
    boards = [chess.Board(fen) for fen in BENCH_POSITIONS]
    return run_bench(evaluator, boards, arguments.rounds).lines()


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
