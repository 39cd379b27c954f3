"""Holds what a network says about a position, and declares the protocol of whatever evaluates positions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import chess
import numpy as np

from engine.encoding.position import POSITION_SIZE, encode_position

# Boards that an evaluator takes in one go on a processor. A larger batch is hardly quicker by the board, and takes as
# long when it is half empty.
BATCH = 8
# Up to so many boards a processor evaluates sooner one by one, or in pairs: a batch takes as long as 5.2 boards alone,
# a pair as 1.7.
FEW = 4


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Holds the policy, the expected result and the solver's record of one position.

    Attributes:
      moves: the legal moves, sorted by their UCI text; never empty.
      log_probs: `[L]` natural logarithms of the policy over `moves`; `exp` of them sums to 1.
      wdl_to_move: `[3]` probabilities that the side to move wins, draws, loses; they sum to 1.
      steps: iterations the solver made.
      residual: how far the last iteration moved the state, relative to its norm: ||f(z) - z|| / ||f(z)||, at least 0.
      converged: whether the residual reached the solver's tolerance; None where no residual could end the iteration.
    """

    moves: tuple[chess.Move, ...]
    log_probs: np.ndarray
    wdl_to_move: np.ndarray
    steps: int
    residual: float
    converged: bool | None

    @property
    def value_to_move(self) -> float:
        """Win minus loss probability of the side to move, in -1..1."""
        return float(self.wdl_to_move[0] - self.wdl_to_move[2])

    @property
    def expected_score_to_move(self) -> float:
        """Points expected by the side to move, in 0..1."""
        return float(self.wdl_to_move[0] + 0.5 * self.wdl_to_move[1])

    @property
    def entropy_nats(self) -> float:
        """Entropy of the policy, in 0..log(L)."""
        probs = np.exp(self.log_probs)
        positive = probs > 0.0  # 0 * log 0 counts as 0
        return float(-np.sum(probs[positive] * self.log_probs[positive])) + 0.0

    @property
    def solver_words(self) -> str:
        """The solver's record, such as "12 steps, residual 0.00083, converged"."""
        verdict = {None: "", True: ", converged", False: ", not converged"}[self.converged]
        return f"{self.steps} {'step' if self.steps == 1 else 'steps'}, residual {self.residual:.3g}{verdict}"


class Evaluator(Protocol):
    """Evaluates positions in batches."""

    def evaluate(self, boards: Sequence[chess.Board]) -> list[Evaluation]:
        """Returns one evaluation per board, in order.

        Args:
          boards: any number of positions, each with at least one legal move; the move stacks
            supply the repetitions. They are not changed.
        """
        ...


class EncodedEvaluator(Evaluator, Protocol):
    """Evaluates positions that the caller has encoded, so that none is encoded twice."""

    def evaluate_encoded(self, boards: Sequence[chess.Board], positions: np.ndarray) -> list[Evaluation]:
        """Returns what `evaluate` returns of the boards.

        Args:
          boards: as for `evaluate`.
          positions: int8 `[len(boards), P]`, the boards encoded.
        """
        ...


class RecursiveEvaluator(EncodedEvaluator, Protocol):
    """Evaluates with a recursion that can be cut short or prolonged, and a policy that can perhaps be improved."""

    @property
    def batch(self) -> int:
        """Boards that it takes in one go."""
        ...

    def expect_pairs(self) -> None:
        """Begins to make pairs of boards quicker than one after the other, if that is possible; does not block."""
        ...

    def with_improved_policy(self) -> "RecursiveEvaluator":
        """Returns an evaluator of the same network whose policies are improved by one step of its latent model.

        Raises:
          ValueError: the network has none; the text is one line.
        """
        ...

    def with_step_limit(self, steps: int) -> EncodedEvaluator:
        """Returns an evaluator of the same network that makes at most so many iterations.

        Args:
          steps: at least 1, or 0 for the network's own limit.

        Raises:
          ValueError: the network cannot make so many; the text is one line.
        """
        ...


def encode_boards(boards: Sequence[chess.Board]) -> np.ndarray:
    """Returns the boards encoded for the network, int8 `[len(boards), P]`."""
    encoded = [encode_position(board) for board in boards]
    return np.stack(encoded) if encoded else np.zeros((0, POSITION_SIZE), np.int8)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Returns the log-probabilities over the last axis, `[..., L]` from logits `[..., L]`."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=-1, keepdims=True))
