"""Batches: their contents, purity, epochs and proportions, and the dense targets."""

import math
from pathlib import Path

import numpy as np
import pytest

from engine.encoding.position import encode_position
from tests.doubles.small_run import pack
from tests.reference.packed_board import board_of, legal_cells
from training.labels.label_formats import read_labels
from training.packed.batches import Batch, BatchError, BatchStream, dense_targets
from training.packed.shard_writer import ShardWriter
from training.packed.shards import Shards

DATA = Path(__file__).resolve().parents[2] / "data"


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> tuple[Shards, Shards]:
    folder = tmp_path_factory.mktemp("packed")
    every, puzzles = pack("all", "labels-all.tsv", folder / "all"), pack("puzzles", "puzzles.csv", folder / "puzzles")
    return Shards(every / "train"), Shards(puzzles / "train")


def same(first: Batch, second: Batch) -> bool:
    return all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in zip(first, second, strict=True))


def test_fields_have_their_shapes_and_types(sets: tuple[Shards, Shards]) -> None:
    batch = BatchStream([(sets[0], 3, 0.05), (sets[1], 1, 0.1)], 16, seed=1)(0)
    assert [(field.shape, field.dtype) for field in batch] == [
        ((16, 67), np.int8),
        ((16, 218), np.int16),
        ((16, 218), np.float32),
        ((16,), np.int8),
    ]
    assert batch.source.tolist() == [0] * 12 + [1] * 4


def test_rows_are_the_labelled_positions(sets: tuple[Shards, Shards]) -> None:
    labels = {encode_position(x.board).tobytes(): x for x in read_labels(DATA / "labels-all.tsv", "all")}
    batch = BatchStream([(sets[0], 1, 0.05)], 60, seed=1)(0)
    assert {row.tobytes() for row in batch.positions} == set(labels)
    for position, cells, values in zip(batch.positions, batch.cells, batch.values, strict=True):
        wanted = labels[position.tobytes()]
        count = len(wanted.moves)
        assert np.allclose(values[:count], wanted.values, atol=1e-5)
        assert (cells[count:] == -1).all() and (values[count:] == 0).all()
        assert set(cells[:count].tolist()) == legal_cells(board_of(position))


def test_a_batch_depends_on_seed_and_index_alone(sets: tuple[Shards, Shards]) -> None:
    sources = [(sets[0], 1, 0.05), (sets[1], 1, 0.1)]
    straight = BatchStream(sources, 14, seed=3, mirror=True)
    batches = [straight(index) for index in range(40)]
    for index in (0, 39, 7, 8, 20, 7):
        assert same(BatchStream(sources, 14, seed=3, mirror=True)(index), batches[index])
        assert same(straight(index), batches[index])
    assert not same(BatchStream(sources, 14, seed=4, mirror=True)(0), batches[0])
    assert not same(batches[0], batches[1])


def test_every_epoch_shows_every_position_once_in_a_new_order(sets: tuple[Shards, Shards]) -> None:
    stream = BatchStream([(sets[0], 1, 0.05)], 7, seed=5)
    shown = np.concatenate([stream(index).positions for index in range(60)])  # 420 rows are 7 epochs
    epochs = [[row.tobytes() for row in epoch] for epoch in shown.reshape(7, 60, 67)]
    assert all(len(set(epoch)) == 60 for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 7


def test_a_batch_may_be_larger_than_a_set(sets: tuple[Shards, Shards]) -> None:
    batch = BatchStream([(sets[0], 1, 0.05)], 150, seed=5)(1)
    _, counts = np.unique(batch.positions, axis=0, return_counts=True)
    assert sorted(set(counts.tolist())) == [2, 3]


def test_rows_are_shared_out_by_weight(sets: tuple[Shards, Shards]) -> None:
    sources = [(sets[0], 0.6, 0.05), (sets[1], 0.25, 0.1), (sets[0], 0.15, 0.02)]
    assert BatchStream(sources, 256, seed=0).rows == [154, 64, 38]
    assert BatchStream(sources[:2], 256, seed=0).rows == [181, 75]


def test_mirroring_changes_about_half_of_what_may_be_mirrored(sets: tuple[Shards, Shards]) -> None:
    plain = BatchStream([(sets[1], 1, 0.05)], 100, seed=2)
    mirrored = BatchStream([(sets[1], 1, 0.05)], 100, seed=2, mirror=True)
    changed = unchanged = 0
    for index in range(5):
        before, after = plain(index), mirrored(index)
        assert np.array_equal(before.values, after.values)
        differs = (before.positions != after.positions).any(1)
        has_rights = (np.abs(before.positions[:, :64]) == 7).any(1)
        assert not differs[has_rights].any()
        changed, unchanged = changed + differs.sum(), unchanged + (~differs & ~has_rights).sum()
        for position, cells in zip(after.positions, after.cells, strict=True):
            assert set(cells[cells >= 0].tolist()) == legal_cells(board_of(position))
    assert 0.35 < changed / (changed + unchanged) < 0.65


def slow_logit(value: float) -> float:
    value = min(max(value, 5e-4), 1 - 5e-4)
    return math.log(value / (1 - value))


@pytest.mark.parametrize("logit_weight", [0.0, 1.5])
def test_dense_targets_agree_with_a_slow_softmax(sets: tuple[Shards, Shards], logit_weight: float) -> None:
    stream = BatchStream([(sets[0], 1, 0.05), (sets[1], 1, 0.3)], 20, seed=9)
    batch = stream(0)
    target, legal = dense_targets(batch, stream.taus, logit_weight)
    assert target.shape == legal.shape == (20, 4288)
    assert (target.dtype, legal.dtype) == (np.float32, np.bool_)
    for row in range(20):
        tau = (0.05, 0.3)[batch.source[row]]
        odds = {
            int(c): math.exp(float(v) / tau + logit_weight * slow_logit(float(v)))
            for c, v in zip(batch.cells[row], batch.values[row], strict=True)
            if c >= 0
        }
        total = sum(odds.values())
        assert set(np.flatnonzero(legal[row])) == set(odds)
        assert target[row].sum() == pytest.approx(1.0, abs=1e-5)
        assert (target[row][~legal[row]] == 0).all()
        for cell, odd in odds.items():
            assert target[row, cell] == pytest.approx(odd / total, rel=1e-4, abs=1e-7)
    again, _ = dense_targets(batch._replace(source=np.zeros(20, np.int8)), 0.05, logit_weight)
    assert np.array_equal(again[:10], target[:10])


def test_logits_tell_the_shorter_mate_from_the_longer() -> None:
    cells = np.array([[5, 9]], np.int16)
    batch = Batch(np.zeros((1, 67), np.int8), cells, np.array([[0.999, 0.998]], np.float32), np.zeros(1, np.int8))
    shallow, _ = dense_targets(batch, 0.05)
    assert shallow[0, 5] / shallow[0, 9] == pytest.approx(math.exp(0.001 / 0.05), rel=1e-3)
    steep, _ = dense_targets(batch, 0.05, logit_weight=1.0)
    assert steep[0, 5] / steep[0, 9] == pytest.approx(math.exp(0.02) * 999 / 499, rel=1e-3)


def test_a_sharp_temperature_and_a_single_move_stay_finite() -> None:
    cells = np.full((2, 4), -1, np.int16)
    cells[0, :3], cells[1, :1] = [5, 4287, 9], [7]
    values = np.array([[0.0, 1.0, 0.5, 0.0], [0.0, 0.0, 0.0, 0.0]], np.float32)
    batch = Batch(np.zeros((2, 67), np.int8), cells, values, np.zeros(2, np.int8))
    target, legal = dense_targets(batch, 1e-4)
    assert target[0, 4287] == target[1, 7] == 1.0
    assert legal.sum() == 4 and np.isfinite(target).all()


def test_streams_that_cannot_be_are_refused(sets: tuple[Shards, Shards], tmp_path: Path) -> None:
    with ShardWriter(tmp_path / "empty", "none", "all"):
        pass
    good = (sets[0], 1.0, 0.05)
    for sources, size, reason in (
        ([], 8, "sources"),
        ([(Shards(tmp_path / "empty"), 1.0, 0.05)], 8, "expected positions in"),
        ([(sets[0], 0.0, 0.05)], 8, "weight"),
        ([(sets[0], 1.0, 0.0)], 8, "temperature"),
        ([good], 0, "batch_size"),
        ([good, (sets[1], 0.001, 0.05)], 8, "at least one row"),
    ):
        with pytest.raises(BatchError, match=reason):
            BatchStream(sources, size, seed=0)
    with pytest.raises(BatchError, match="at most 3 legal moves"):
        BatchStream([good], 60, seed=0, max_moves=3)(0)
    with pytest.raises(BatchError, match="index"):
        BatchStream([good], 8, seed=0)(-1)
