"""Attention by its definition, one query at a time, in float64."""

import math

import numpy as np


def attention(query: np.ndarray, key: np.ndarray, value: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the mixed values `[B, H, N, C]` and the weights `[B, H, N, M]`.

    Args:
      query: `[B, H, N, C]`.
      key: `[B, H, M, C]`.
      value: `[B, H, M, C]`.
      bias: `[B, H, N, M]`, added to the logits; -1e9 or less shuts a key out.
    """
    batch, heads, count, width = query.shape
    weights = np.zeros((batch, heads, count, key.shape[2]))
    mixed = np.zeros(query.shape)
    for b, h, n in np.ndindex(batch, heads, count):
        row = _weights(query[b, h, n].astype(float), key[b, h].astype(float), bias[b, h, n].astype(float), width)
        weights[b, h, n] = row
        for m, weight in enumerate(row):
            mixed[b, h, n] += weight * value[b, h, m]
    return mixed, weights


def _weights(query: np.ndarray, keys: np.ndarray, bias: np.ndarray, width: int) -> list[float]:
    logits = [float(np.dot(query, key)) / math.sqrt(width) + float(b) for key, b in zip(keys, bias, strict=True)]
    largest = max(logits)
    powers = [math.exp(logit - largest) for logit in logits]
    return [power / sum(powers) for power in powers]
