"""The losses of distillation by loops in double precision, from their definitions."""

import math
from collections.abc import Sequence

from training.labels.expected_score import cp_to_value


def log_softmax(logits: Sequence[float], chosen: Sequence[int]) -> dict[int, float]:
    """Returns the logarithms of the softmax over the chosen cells."""
    largest = max(logits[cell] for cell in chosen)
    total = sum(math.exp(logits[cell] - largest) for cell in chosen)
    return {cell: logits[cell] - largest - math.log(total) for cell in chosen}


def kl(logits: Sequence[float], target: Sequence[float], legal: Sequence[bool]) -> float:
    """Returns KL(target || softmax of the legal logits), nats."""
    log_policy = log_softmax(logits, [cell for cell, is_legal in enumerate(legal) if is_legal])
    return sum(target[cell] * (math.log(target[cell]) - log_policy[cell]) for cell in log_policy if target[cell] > 0)


def reverse_kl(logits: Sequence[float], target: Sequence[float], legal: Sequence[bool]) -> float:
    """Returns KL(softmax of the legal logits || target), nats, no share below e^-12 of the largest."""
    log_policy = log_softmax(logits, [cell for cell, is_legal in enumerate(legal) if is_legal])
    least = math.exp(-12) * max(target)
    return sum(math.exp(log) * (log - math.log(max(target[cell], least))) for cell, log in log_policy.items())


def wdl(score: float) -> tuple[float, float, float]:
    """Returns win, draw, loss; the centipawns are found by bisection of the forward mapping."""
    if score >= 0.96:
        return 1.0, 0.0, 0.0
    if score <= 0.04:
        return 0.0, 0.0, 1.0
    low, high = -4000.0, 4000.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if cp_to_value(middle) < score else (low, middle)
    pawns = low / 100
    win, loss = 1 / (1 + math.exp(-0.7 * (pawns - 1))), 1 / (1 + math.exp(-0.7 * (-pawns - 1)))
    return win, 1 - win - loss, loss


def histogram(score: float, bins: int) -> list[float]:
    """Returns the mass of each bin under a normal of 0.75 bins around the score, cut to [0, 1]."""
    sigma = 0.75 / bins
    below = [0.5 * math.erfc((score - edge / bins) / sigma / math.sqrt(2)) for edge in range(bins + 1)]
    total = below[-1] - below[0]
    return [(right - left) / total for left, right in zip(below, below[1:], strict=False)]


def cross_entropy(target: Sequence[float], logits: Sequence[float]) -> float:
    """Returns -sum of target times log softmax."""
    largest = max(logits)
    log_total = largest + math.log(sum(math.exp(logit - largest) for logit in logits))
    return -sum(share * (logit - log_total) for share, logit in zip(target, logits, strict=True))
