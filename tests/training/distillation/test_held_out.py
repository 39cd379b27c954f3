"""Regret on held-out positions: a hand-computed example with a fake policy, and which positions are measured."""

from pathlib import Path
from typing import Any

import chess
import numpy as np
import pytest

from engine.encoding.move_labels import CELLS
from engine.encoding.position import POSITION_SIZE, encode_position
from training.distillation.held_out import HeldOut
from training.packed.shard_writer import ShardWriter
from training.packed.shards import Shards


def write(folder: Path, positions: np.ndarray, cells: list[list[int]], values: list[list[float]]) -> Shards:
    with ShardWriter(folder, "test", "all") as writer:
        scores = np.rint(65535 * np.concatenate(values)).astype(np.uint16)
        writer.append(positions, np.array([len(row) for row in cells]), np.concatenate(cells), scores)
    return Shards(folder)


def numbered(count: int) -> np.ndarray:
    """Returns positions that carry their number in their first two bytes."""
    positions = np.zeros((count, POSITION_SIZE), np.int8)
    positions[:, 0], positions[:, 1] = np.divmod(np.arange(count), 100)
    return positions


def test_regret_of_a_hand_made_policy(tmp_path: Path) -> None:
    fens = ["8/8/8/8/8/4k3/8/4K3 w - - 0 1", "8/8/8/8/8/5k2/8/5K2 w - - 0 1", chess.STARTING_FEN]
    positions = np.stack([encode_position(chess.Board(fen)) for fen in fens])
    shards = write(
        tmp_path / "set",
        positions,
        [[10, 20], [30, 40, 50], [60]],
        [[0.2, 0.9], [0.5, 0.1, 0.4], [0.7]],
    )
    # The first chooses cell 20 (regret 0), the second cell 50 (regret 0.5 - 0.4), the last has one move.
    # Illegal cells have the highest logits everywhere, and legal logits may be all negative.
    wanted = {
        positions[0].tobytes(): {20: -5.0, 10: -6.0},
        positions[1].tobytes(): {50: 2.0},
        positions[2].tobytes(): {},
    }

    def policy(params: Any, batch: Any) -> Any:
        assert params == "params"
        logits = np.full((len(batch), CELLS), -50.0, np.float32)
        logits[:, [0, 4000]] = 99.0
        for row, position in zip(logits, batch, strict=True):
            for cell, logit in wanted[position.tobytes()].items():
                row[cell] = logit
        return logits, np.where([p[4] == 6 for p in batch], 2.0, 5.0)

    result = HeldOut(shards).measure(policy, "params")
    assert result.regret == pytest.approx(0.1 / 3, abs=1e-4)
    # Deviations -1/30, 2/30, -1/30: variance 6/900/2, error sqrt(6/900/2/3).
    assert result.regret_error == pytest.approx((6 / 900 / 6) ** 0.5, abs=1e-4)
    assert result.top1 == pytest.approx(2 / 3)
    assert result.solver_steps == pytest.approx((2 + 5 + 2) / 3)


@pytest.mark.parametrize(
    ("count", "limit", "measured"), [(7, 5000, 7), (250, 5000, 250), (620, 5000, 500), (620, 260, 250)]
)
def test_no_position_is_measured_twice(tmp_path: Path, count: int, limit: int, measured: int) -> None:
    shards = write(tmp_path / "set", numbered(count), [[1]] * count, [[0.5]] * count)
    seen: list[bytes] = []

    def policy(_params: Any, batch: Any) -> Any:
        seen.extend(position.tobytes() for position in batch)
        return np.zeros((len(batch), CELLS), np.float32), np.ones(len(batch))

    result = HeldOut(shards, limit).measure(policy, None)
    assert len(seen) == len(set(seen)) == measured
    assert result.top1 == 1 and result.regret == 0
