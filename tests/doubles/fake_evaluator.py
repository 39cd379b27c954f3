"""An evaluator that needs no network: it says what the test tells it to."""

from collections.abc import Callable, Sequence

import chess
import numpy as np

from engine.player.evaluator import BATCH, Evaluation, encode_boards

Wdl = tuple[float, float, float]


class FakeEvaluator:
    """Weighs moves by their UCI text (1 where nothing is said) and counts the calls."""

    def __init__(
        self,
        weights: dict[str, float] | None = None,
        wdl: Wdl | Callable[[chess.Board], Wdl] = (0.5, 0.3, 0.2),
    ) -> None:
        self.weights = weights or {}
        self.wdl = wdl
        self.batches: list[int] = []
        self.batch = BATCH
        self.step_limits: list[int] = []
        self.has_model, self.improvements = False, 0
        self.expects_pairs = False

    def evaluate(self, boards: Sequence[chess.Board]) -> list[Evaluation]:
        self.batches.append(len(boards))
        return [self._evaluate(board) for board in boards]

    def evaluate_encoded(self, boards: Sequence[chess.Board], positions: np.ndarray) -> list[Evaluation]:
        """Returns what was told; checks that the positions are those of the boards."""
        np.testing.assert_array_equal(positions, encode_boards(boards))
        return self.evaluate(boards)

    def expect_pairs(self) -> None:
        """Notes that pairs are expected."""
        self.expects_pairs = True

    def with_improved_policy(self) -> "FakeEvaluator":
        """Returns itself if it has a model."""
        if not self.has_model:
            raise ValueError("expected a network with a latent model, got one without")
        self.improvements += 1
        return self

    def with_step_limit(self, steps: int) -> "FakeEvaluator":
        """Returns itself, and notes the limit."""
        self.step_limits.append(steps)
        return self

    def _evaluate(self, board: chess.Board) -> Evaluation:
        moves = tuple(sorted(board.legal_moves, key=chess.Move.uci))
        assert moves, f"asked about a finished game: {board.fen()}"
        weights = np.array([self.weights.get(move.uci(), 1.0) for move in moves])
        wdl = self.wdl(board) if callable(self.wdl) else self.wdl
        return Evaluation(
            moves=moves,
            log_probs=np.log(weights / weights.sum()),
            wdl_to_move=np.array(wdl),
            steps=7,
            residual=0.0004,
            converged=True,
        )
