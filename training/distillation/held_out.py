"""Measures the regret of a policy on held-out positions while a run goes on."""

from collections.abc import Callable
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np

from training.labels.move_regret import move_regret, report_regret
from training.packed.batches import BatchStream
from training.packed.shards import PackedSet
from training.runs.training_task import Report

_BATCH = 250  # positions at a time, so that the whole set is a few calls of one compiled program


class HeldOutResult(NamedTuple):
    """How a policy's most probable moves compare with the teacher's best."""

    regret: float  # mean of the best expected score minus the chosen move's
    regret_error: float  # standard error of the mean, 0 for a single position
    top1: float  # share of positions where the chosen move is a best one
    solver_steps: float

    def text(self) -> str:
        """Returns the figures for people."""
        return f"held-out regret {self.regret:.4f} ± {self.regret_error:.4f}  top-1 {self.top1:.1%}"

    def report(self) -> Report:
        """Returns the figures as runs log them."""
        return Report({f"validation/{name}": value for name, value in self._asdict().items()}, self.text())


class HeldOut:
    """Held-out positions, kept in memory.

    Args:
      shards: the positions.
      limit: at most this many, drawn by a fixed seed.
    """

    def __init__(self, shards: PackedSet, limit: int = 5000) -> None:
        count = min(limit, len(shards))
        # No position twice: a repeated one would make the error of the mean too small.
        size = max(1, min(_BATCH, count))
        stream = BatchStream([(shards, 1.0, 1.0)], size, seed=0)
        self._batches = [stream(index) for index in range(count // size)]

    def measure(
        self, policy: Callable[[chex.ArrayTree, jax.Array], tuple[jax.Array, jax.Array]], params: chex.ArrayTree
    ) -> HeldOutResult:
        """Measures the most probable move of a policy in every position.

        Args:
          policy: maps (params, positions `[B, P]`) to logits `[B, Z]` and solver steps `[B]`.
          params: its parameters.
        """
        regrets, steps = [], []
        for batch in self._batches:
            logits, solver_steps = policy(params, jnp.asarray(batch.positions))
            is_move = batch.cells >= 0
            at_moves = np.take_along_axis(np.asarray(logits), np.maximum(batch.cells, 0).astype(np.int64), axis=1)
            chosen = np.argmax(np.where(is_move, at_moves, -np.inf), axis=1)
            regrets.append(move_regret(batch.values, chosen, is_move))
            steps.append(np.asarray(solver_steps))
        report = report_regret(np.concatenate(regrets))
        return HeldOutResult(
            regret=report.regret.mean,
            regret_error=report.regret.standard_error or 0.0,
            top1=report.top1.mean,
            solver_steps=float(np.concatenate(steps).mean()),
        )
