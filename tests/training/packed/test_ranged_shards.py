"""Sets read by ranges: the rows and batches of a local set, few requests, and faults in one line."""

import json
from collections.abc import Iterator
from pathlib import Path

import fsspec
import numpy as np
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from tests.doubles.range_server import range_server
from training.packed.batches import BatchStream
from training.packed.block_order import BLOCK_ROWS
from training.packed.device_batches import HostBatches, ResidentBatches, make_batches
from training.packed.ranged_shards import RangedShards, open_shards
from training.packed.shard_writer import ShardWriter
from training.packed.shards import MANIFEST, ShardError, Shards
from training.runs.device_mesh import one_device_mesh

ROWS = 40 * BLOCK_ROWS - 77


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a folder with a set of 40 blocks, the last of which is short."""
    folder, draws = tmp_path_factory.mktemp("sets") / "set", np.random.default_rng(3)
    counts = draws.integers(1, 4, ROWS)
    with ShardWriter(folder, "random", "all") as writer:
        writer.append(
            draws.integers(-7, 8, (ROWS, 67)).astype(np.int8),
            counts,
            draws.integers(0, 4000, counts.sum()),
            draws.integers(0, 1 << 16, counts.sum()),
        )
        writer.describe({"order": "digest"})
    return folder


@pytest.fixture
def remote(local: Path) -> Iterator[str]:
    """Returns the address of the same set in the memory that stands for another machine."""
    files = fsspec.filesystem("memory")
    files.put(f"{local}/", "/far/set/", recursive=True)
    yield "memory://far/set"
    files.rm("/far", recursive=True)


class Requests:
    """Counts the ranges that are read from memory://."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bytes: list[int] = []
        read = MemoryFileSystem.cat_file

        def counted(files: MemoryFileSystem, path: str, start: int | None = None, end: int | None = None) -> bytes:
            data: bytes = read(files, path, start, end)
            self.bytes.append(len(data))
            return data

        monkeypatch.setattr(MemoryFileSystem, "cat_file", counted)


def test_rows_are_those_of_the_local_set(local: Path, remote: str) -> None:
    near, far = Shards(local), RangedShards(remote)
    assert len(far) == ROWS
    draws = np.random.default_rng(1)
    for items in (
        draws.integers(0, ROWS, 300),
        np.array([ROWS - 1, 0, ROWS - 1]),
        np.arange(0),
        draws.permutation(ROWS),
    ):
        for wanted, found in zip(near.read(items), far.read(items), strict=True):
            assert wanted.dtype == found.dtype and np.array_equal(wanted, found)
    for name in ("positions", "move_offsets", "move_cells", "move_values"):
        assert np.array_equal(getattr(near, name), np.asarray(getattr(far, name)))
        for rows in (slice(5, 9), slice(ROWS - 3, None), slice(7, 7), slice(20, 0)):
            assert np.array_equal(getattr(near, name)[rows], getattr(far, name)[rows])


def test_an_epoch_reads_the_set_once_four_ranges_a_block(remote: str, monkeypatch: pytest.MonkeyPatch) -> None:
    requests = Requests(monkeypatch)
    far = RangedShards(remote)
    assert len(requests.bytes) == 10 and sum(requests.bytes[1:]) < 1000  # a manifest, headers and last rows
    requests.bytes.clear()
    stream = BatchStream([(far, 1.0, 0.1)], 1000, seed=4)
    items = np.concatenate([stream.draw(index).items for index in range(ROWS // 1000)])
    assert len(np.unique(items)) == len(items) and not requests.bytes  # a draw alone reads nothing
    stream = BatchStream([(far, 1.0, 0.1)], 1000, seed=4)
    batch = stream(0)
    # The window's 16 blocks; the 16 of the next one are fetched meanwhile.
    assert len(np.unique(stream.draw(0).items // BLOCK_ROWS)) == 16
    for index in range(1, ROWS // 1000):
        batch = stream(index)
    assert len(batch.positions) == 1000
    assert len(requests.bytes) == 4 * 40
    per_row = 67 + 8 + 4 * far.manifest["moves"] / ROWS
    assert sum(requests.bytes) == pytest.approx(ROWS * per_row + 8 * 40)


def test_batches_depend_on_seed_and_index_alone(remote: str) -> None:
    def stream(seed: int = 4) -> BatchStream:
        return BatchStream([(RangedShards(remote), 1.0, 0.1)], 1000, seed=seed, mirror=True)

    first, second = stream(), stream()
    wanted = {index: first(index) for index in (0, 65, 163, 164, 400)}
    for index in reversed(wanted):
        for expected, found in zip(wanted[index], second(index), strict=True):
            assert np.array_equal(expected, found)
    assert not np.array_equal(stream(5)(0).positions, wanted[0].positions)


def test_a_set_read_as_a_whole_lies_on_the_device(remote: str) -> None:
    stream = BatchStream([(RangedShards(remote), 1.0, 0.1)], 8, seed=4, mirror=True)
    ones = np.ones(1, np.float32)
    host, resident = (make(stream, ones, 0.0, one_device_mesh()) for make in (make_batches, ResidentBatches))
    assert isinstance(host, HostBatches)
    for index in (0, ROWS // 8 - 1):
        wanted, made = host(index), resident(index)
        assert np.array_equal(made.positions, wanted.positions)
        np.testing.assert_allclose(made.score, wanted.score, atol=1e-7)


def test_a_set_is_read_over_http(local: Path) -> None:
    pytest.importorskip("aiohttp", reason="fsspec's http needs it: the extra `remote`")
    with range_server(local) as served:
        far = open_shards(served.address)
        stream = BatchStream([(far, 1.0, 0.1)], 1000, seed=4)
        for index in range(3):
            stream(index)
        items = stream.draw(2).items
        assert np.array_equal(far.read(items).positions, Shards(local).positions[items])
    asked = [size for path, size in served.requests if path != f"/{MANIFEST}"]
    # The first window of 16 blocks, and of the next one what has come by now.
    assert 9 + 4 * 16 <= len(asked) <= 9 + 4 * 32
    assert sum(asked) < 32 * BLOCK_ROWS * 90
    with (
        range_server(local, ranges=False) as served,
        pytest.raises(ShardError, match=r"expected bytes 0 to 128 of http"),
    ):
        open_shards(served.address)
    with range_server(local) as served, pytest.raises(ShardError, match=r"expected a packed set .* got http"):
        open_shards(f"{served.address}/absent")


def test_local_places_stay_memory_mapped(local: Path) -> None:
    for place in (local, str(local), f"file://{local}"):
        opened = open_shards(place)
        assert isinstance(opened, Shards) and isinstance(opened.positions, np.memmap)


def test_places_that_cannot_be_opened_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ShardError, match=r"expected a packed set with manifest\.json, got memory://absent/set"):
        open_shards("memory://absent/set")
    with pytest.raises(ShardError, match="expected an address that fsspec opens, got nowhere://a"):
        open_shards("nowhere://a")

    def missing(_address: str) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec, "url_to_fs", missing)
    with pytest.raises(ShardError, match=r"packages that open s3://a/b, got none: pip install 'recursezero\[remote\]'"):
        open_shards("s3://a/b")


def test_another_format_or_a_damaged_set_is_refused(remote: str) -> None:
    files = fsspec.filesystem("memory")
    manifest = json.loads(files.cat_file(f"/far/set/{MANIFEST}"))
    for changed, reason in (
        ({"format_version": 2}, "expected format_version 1 in memory://far/set/manifest.json, got 2"),
        ({"order": None}, "in the order of its digests"),
        ({"positions": 5}, "positions.npy, got int8"),
    ):
        files.pipe_file(f"/far/set/{MANIFEST}", json.dumps(manifest | changed).encode())
        with pytest.raises(ShardError, match=reason):
            RangedShards(remote)
    files.pipe_file(f"/far/set/{MANIFEST}", json.dumps(manifest).encode())
    whole = files.cat_file("/far/set/move_cells.npy")
    files.pipe_file("/far/set/move_cells.npy", whole[:-1])
    with pytest.raises(ShardError, match=r"expected bytes .* of memory://far/set/move_cells\.npy, got: 1 bytes"):
        RangedShards(remote)


def test_a_file_that_vanishes_while_it_is_read_is_an_error(remote: str) -> None:
    far = RangedShards(remote)
    fsspec.filesystem("memory").rm("/far/set/move_values.npy")
    with pytest.raises(ShardError, match=r"move_values\.npy"):
        far.read(np.arange(5))
