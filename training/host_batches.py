"""Batches of labelled positions, read and prepared by the host and then sent to the device."""

import jax
import numpy as np

from training.batches import BatchStream, dense_targets
from training.learner import DeviceBatch


class HostBatches:
    """The batches of a stream with their targets; `batches(i)` is batch i.

    Args:
      stream: reads the positions.
      has_scores: `[sources]`, 0 for a source whose values only mark the solution.
      logit_weight: as for `dense_targets`.
    """

    def __init__(self, stream: BatchStream, has_scores: np.ndarray, logit_weight: float) -> None:
        self._stream, self._has_scores, self._logit_weight = stream, has_scores, logit_weight

    def __call__(self, index: int) -> DeviceBatch:
        """Returns batch `index`, counted from 0."""
        batch = self._stream(index)
        target, legal = dense_targets(batch, self._stream.taus, self._logit_weight)
        score = np.max(batch.values, axis=1)
        arrays = (batch.positions, target, legal, score, self._has_scores[batch.source])
        return DeviceBatch(*jax.device_put(arrays))
