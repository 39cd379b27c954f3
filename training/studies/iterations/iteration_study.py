"""Studies how many iterations positions need, and what another tolerance of the solver would save or cost.

The network is evaluated with every limit of iterations in turn and a tolerance that is never met. The result is the
course of the iteration in each position, from which every exit rule "stop when the residual is at most t" follows
without another evaluation: the iteration in which the rule stops, and the move that the network would play there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import chess
import numpy as np
from scipy.stats import spearmanr

from engine.player.evaluator import RecursiveEvaluator
from training.evaluation.measures.move_chooser import in_batches
from training.reporting.sampling_error import MeanEstimate, estimate_mean

_BATCH = 256  # boards given to the evaluator at a time

# Maps (index of a position, move) to what the move loses there.
MoveLoss = Callable[[int, chess.Move], float]


class Course(NamedTuple):
    """Holds the iterations of many positions; row k is the state after k + 1 of them."""

    residual: np.ndarray  # [I, n]
    loss: np.ndarray  # [I, n], of the most likely move
    entropy: np.ndarray  # [I, n], of the policy, in nats


@dataclass(frozen=True, kw_only=True)
class ExitRule:
    """Says what a tolerance does to a set of positions.

    Attributes:
      tolerance: the iteration ends when its residual is at most this.
      iterations: made on average.
      loss: mean loss of the moves played.
      added_loss: its excess over the loss with all iterations, position by position.
    """

    tolerance: float
    iterations: MeanEstimate
    loss: MeanEstimate
    added_loss: MeanEstimate


@dataclass(frozen=True, kw_only=True)
class DifficultyGroup:
    """Describes the positions in which the iteration ends after the same number of steps.

    Attributes:
      iterations: that number.
      loss: mean loss of the moves played.
      entropy: of the policy, in nats.
    """

    iterations: int
    loss: MeanEstimate
    entropy: MeanEstimate


def course_of(
    evaluator: RecursiveEvaluator,
    boards: Sequence[chess.Board],
    loss_of: MoveLoss,
    steps: int,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Course:
    """Follows the iteration in each position.

    Args:
      evaluator: whose tolerance is never met.
      boards: at least one, each with a legal move.
      loss_of: the loss of a move in a position.
      steps: I, at least 1.
      on_progress: called with the number of evaluations finished since the last call.
    """
    rows = []
    for limit in range(1, steps + 1):
        limited = evaluator.with_step_limit(limit)
        evaluations = []
        for batch in in_batches(boards, _BATCH):
            evaluations += limited.evaluate(batch)
            on_progress(len(batch))
        moves = [evaluation.moves[int(np.argmax(evaluation.log_probs))] for evaluation in evaluations]
        losses = [loss_of(index, move) for index, move in enumerate(moves)]
        rows.append(([e.residual for e in evaluations], losses, [e.entropy_nats for e in evaluations]))
    return Course(*(np.array(part, np.float64) for part in zip(*rows, strict=True)))


def last_iteration(course: Course, tolerance: float) -> np.ndarray:
    """Returns the row `[n]` of the course in which each position ends; the last if it never meets the tolerance."""
    meets = course.residual <= tolerance
    return np.where(meets.any(axis=0), meets.argmax(axis=0), len(meets) - 1)


def exit_rule(course: Course, tolerance: float) -> ExitRule:
    """Returns the iterations and losses under a tolerance."""
    last = last_iteration(course, tolerance)
    loss = np.take_along_axis(course.loss, last[None], axis=0)[0]
    return ExitRule(
        tolerance=tolerance,
        iterations=estimate_mean([float(row + 1) for row in last]),
        loss=estimate_mean(list(map(float, loss))),
        added_loss=estimate_mean(list(map(float, loss - course.loss[-1]))),
    )


def loosest_harmless(rules: Sequence[ExitRule]) -> ExitRule | None:
    """Returns the rule of fewest iterations whose added loss is at most its standard error, if there is one."""
    harmless = [rule for rule in rules if rule.added_loss.mean <= (rule.added_loss.standard_error or 0.0)]
    return min(harmless, key=lambda rule: rule.iterations.mean, default=None)


def difficulty_groups(course: Course, tolerance: float) -> list[DifficultyGroup]:
    """Groups the positions by the iterations that a tolerance lets them make."""
    last = last_iteration(course, tolerance)
    columns = np.arange(len(last))
    loss, entropy = course.loss[last, columns], course.entropy[last, columns]
    return [
        DifficultyGroup(
            iterations=int(row) + 1,
            loss=estimate_mean(list(map(float, loss[last == row]))),
            entropy=estimate_mean(list(map(float, entropy[last == row]))),
        )
        for row in np.unique(last)
    ]


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float | None:
    """Returns Spearman's rank correlation of two rows `[n]`, None if one of them is constant."""
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    return float(spearmanr(first, second).statistic)
