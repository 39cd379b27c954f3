"""Predicts how long an evaluation takes from how long earlier ones took."""

import math
import statistics
from collections import deque

from engine.player.evaluator import FEW

# A call that was slow for a reason outside this program is forgotten after some tens of calls.
_FORGETTING = 0.95
_RECENT_CALLS = 5


class ResponseTime:
    """Predicts how long an evaluation takes, on the safe side: as long as the slowest recent one of its kind.

    Args:
      batch: boards that the evaluator takes in one go.
    """

    def __init__(self, batch: int) -> None:
        self._batch = batch
        self._single_s = 0.0
        self._recent_s: deque[float] = deque(maxlen=_RECENT_CALLS)  # of one board
        self._few_s: dict[int, float] = {}  # of so many boards, 2 to FEW
        self._batch_s: float | None = None  # of one full batch; None: not seen yet

    def note(self, boards: int, seconds: float) -> None:
        """Notes how long a call with at least one board took."""
        if boards == 1:
            self._recent_s.append(seconds)
            self._single_s = max(seconds, _FORGETTING * self._single_s)
        elif boards <= FEW:
            self._few_s[boards] = max(seconds, _FORGETTING * self._few_s.get(boards, 0.0))
        else:
            # A few boards left over are evaluated one by one, which takes less than a batch.
            batches = math.ceil((boards - FEW) / self._batch)
            self._batch_s = max(seconds / batches, _FORGETTING * (self._batch_s or 0.0))

    def typical_s(self) -> float:
        """Returns the median of the last calls with one board, in seconds."""
        return statistics.median(self._recent_s or [0.0])

    def predicted_s(self, boards: int) -> float:
        """Returns seconds for a call with so many boards; a call not seen yet is as slow as its boards one by one."""
        if boards <= FEW:
            return self._few_s.get(boards, boards * self._single_s)
        batch_s = self._batch * self._single_s if self._batch_s is None else self._batch_s
        return math.ceil(boards / self._batch) * batch_s
