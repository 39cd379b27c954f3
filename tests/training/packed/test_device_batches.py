"""Batches made on the device are those of the host."""

from pathlib import Path

import chess
import jax
import numpy as np
import pytest

from engine.encoding.position import EN_PASSANT
from tests.doubles.small_run import pack
from training.labels.label_formats import all_values_line
from training.packed.batches import BatchStream
from training.packed.device_batches import HostBatches, ResidentBatches, make_batches
from training.packed.label_packing import PackConfig, pack_labels
from training.packed.shards import Shards
from training.runs.device_mesh import one_device_mesh


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> tuple[Shards, Shards]:
    folder = tmp_path_factory.mktemp("packed")
    puzzles, every = pack("puzzles", "puzzles.csv", folder / "puzzles"), pack("all", "labels-all.tsv", folder / "all")
    return Shards(puzzles / "train"), Shards(every / "train")


@pytest.mark.parametrize("logit_weight", [0.0, 1.0])
def test_batches_made_on_the_device_are_those_of_the_host(sets: tuple[Shards, Shards], logit_weight: float) -> None:
    sources = [(sets[0], 1.0, 0.3), (sets[1], 2.0, 0.05)]
    has_scores = np.array([0.0, 1.0], np.float32)
    stream = BatchStream(sources, 48, seed=3, mirror=True)
    host, resident = (
        make(stream, has_scores, logit_weight, one_device_mesh()) for make in (HostBatches, ResidentBatches)
    )
    mirrored = 0
    for index in (0, 1, 8):  # both sets begin a new epoch within the last
        wanted, made = host(index), resident(index)
        plain = BatchStream(sources, 48, seed=3)(index)
        mirrored += int(np.any(np.asarray(made.positions) != plain.positions, axis=1).sum())
        for name in ("positions", "legal", "score_weight"):
            assert np.array_equal(getattr(made, name), getattr(wanted, name)), name
        assert [leaf.dtype for leaf in made] == [leaf.dtype for leaf in wanted]
        np.testing.assert_allclose(made.target, wanted.target, atol=2e-6)
        np.testing.assert_allclose(made.score, wanted.score, atol=1e-7)
    assert 10 < mirrored < 100


def test_en_passant_and_promotions_are_mirrored_too(tmp_path: Path) -> None:
    fens = [
        "1n2k3/P6p/8/5pP1/8/8/8/4K3 w - f6 0 1",
        "r3k3/1P6/8/8/8/8/8/4K2R w - - 0 1",
        "4k3/8/8/8/8/8/P7/4K2R w K - 0 1",
    ]
    moves = [sorted(move.uci() for move in chess.Board(fen).legal_moves) for fen in fens]
    values = [np.linspace(0.0, 1.0, len(of_position)).tolist() for of_position in moves]
    labels = tmp_path / "labels.tsv"
    labels.write_text("".join(all_values_line(f"g{i}", fen, values[i]) for i, fen in enumerate(fens)))
    pack_labels(PackConfig(kind="all", inputs=(labels,), out=tmp_path / "out", name="few", validation_percent=0.0))
    stream = BatchStream([(Shards(tmp_path / "out/train"), 1.0, 0.1)], 3, seed=5, mirror=True)
    has_scores = np.ones(1, np.float32)
    host, resident = (make(stream, has_scores, 1.0, one_device_mesh()) for make in (HostBatches, ResidentBatches))
    squares = set()
    for index in range(12):
        wanted, made = host(index), resident(index)
        assert np.array_equal(made.positions, wanted.positions)
        assert np.array_equal(made.legal, wanted.legal)
        np.testing.assert_allclose(made.target, wanted.target, atol=2e-6)
        squares |= set(np.asarray(made.positions)[:, EN_PASSANT].tolist())
    assert squares == {-1, chess.F6, chess.C6}


class Device:
    """A device as far as the choice asks it."""

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def memory_stats(self) -> dict[str, int]:
        return {"bytes_limit": self.limit}


@pytest.mark.parametrize(
    ("backend", "limit", "kind"),
    [("cpu", 10**9, HostBatches), ("gpu", 10**9, ResidentBatches), ("gpu", 10_000, HostBatches)],
)
def test_an_accelerator_with_room_makes_the_batches(
    sets: tuple[Shards, Shards], monkeypatch: pytest.MonkeyPatch, backend: str, limit: int, kind: type
) -> None:
    stream = BatchStream([(sets[0], 1.0, 0.1)], 8, seed=1)
    mesh = one_device_mesh()
    monkeypatch.setattr(jax, "default_backend", lambda: backend)
    monkeypatch.setattr(jax, "local_devices", lambda: [Device(limit)])
    assert type(make_batches(stream, np.ones(1, np.float32), 1.0, mesh)) is kind
