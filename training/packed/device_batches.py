"""Batches on the device: what the learner takes, and how the host prepares and sends it."""

from typing import NamedTuple

import jax
import numpy as np

from training.packed.batches import BatchStream, dense_targets


class DeviceBatch(NamedTuple):
    """A batch as the learner takes it."""

    positions: jax.Array  # [B, P] int8
    target: jax.Array  # [B, Z] float32, the teacher's policy
    legal: jax.Array  # [B, Z] bool
    score: jax.Array  # [B] float32, expected score of the best move
    score_weight: jax.Array  # [B] float32, 0 where the score is not known


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
