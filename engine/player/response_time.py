"""How long an evaluation will take, from how long the last ones took."""

import math

# A call that was slow for a reason outside this program is forgotten in some tens of calls.
_FORGETTING = 0.95


class ResponseTime:
    """Predicts on the safe side: the slowest of the recent calls of the same kind.

    Args:
      batch: boards that the evaluator takes in one go.
    """

    def __init__(self, batch: int) -> None:
        self._batch = batch
        self._single_s = 0.0
        self._batch_s: float | None = None  # of one full batch; None: not seen yet

    def note(self, boards: int, seconds: float) -> None:
        """Notes how long a call with at least one board took."""
        if boards == 1:
            self._single_s = max(seconds, _FORGETTING * self._single_s)
        else:
            # One board left over is evaluated alone, which takes far less than a batch.
            batches = math.ceil((boards - 1) / self._batch)
            self._batch_s = max(seconds / batches, _FORGETTING * (self._batch_s or 0.0))

    def predicted_s(self, boards: int) -> float:
        """Returns seconds for a call with so many boards."""
        if boards <= 1 or self._batch_s is None:
            return boards * self._single_s
        return math.ceil(boards / self._batch) * self._batch_s
