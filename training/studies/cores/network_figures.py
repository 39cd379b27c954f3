"""How well a network plays that is loaded for play: regret, bits a move, puzzles, iterations."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.player.evaluator import BATCH, Evaluation, Evaluator
from training.evaluation.measures.move_chooser import evaluator_chooser, in_batches
from training.evaluation.measures.puzzles import Puzzle, solve_puzzles
from training.labels.label_formats import LabelledPosition
from training.labels.move_regret import move_regret, report_regret

_TAU = 0.05  # temperature of the teacher's policy, in expected score


@dataclass(frozen=True, kw_only=True)
class NetworkFigures:
    """Figures of one network.

    Attributes:
      regret: mean expected score given away by its most probable move.
      top1: share of positions in which that move is a best one.
      bits: mean cross-entropy of its policy with the teacher's, bits a move.
      puzzles: share of puzzles solved; NaN without puzzles.
      iterations: mean number of iterations of an evaluation.
    """

    regret: float
    top1: float
    bits: float
    puzzles: float
    iterations: float


def network_figures(
    evaluator: Evaluator, positions: Sequence[LabelledPosition], puzzles: Sequence[Puzzle]
) -> NetworkFigures:
    """Lets a network move in every position and solve every puzzle.

    Args:
      evaluator: the network.
      positions: at least one, with a value for every legal move.
      puzzles: any number.
    """
    regrets, bits, iterations = [], [], []
    for batch in in_batches(positions, BATCH):
        evaluations = evaluator.evaluate([position.board for position in batch])
        for position, evaluation in zip(batch, evaluations, strict=True):
            chosen = evaluation.moves[int(np.argmax(evaluation.log_probs))]
            regrets.append(float(move_regret(position.values, position.moves.index(chosen))))
            bits.append(policy_bits(position, evaluation))
            iterations.append(evaluation.steps)
    solved = solve_puzzles(evaluator_chooser(evaluator), puzzles, batch_size=BATCH) if puzzles else []
    report = report_regret(regrets)
    return NetworkFigures(
        regret=report.regret.mean,
        top1=report.top1.mean,
        bits=float(np.mean(bits)),
        puzzles=float(np.mean(solved)) if solved else math.nan,
        iterations=float(np.mean(iterations)),
    )


def policy_bits(position: LabelledPosition, evaluation: Evaluation) -> float:
    """Returns the cross-entropy of a policy with the teacher's softmax of values over 0.05, in bits."""
    values = np.array([position.values[position.moves.index(move)] for move in evaluation.moves])
    odds = np.exp((values - values.max()) / _TAU)
    return float(-np.sum(odds / odds.sum() * evaluation.log_probs) / math.log(2))
