"""Packed folders: what goes in comes out, and damage is named."""

import json
from pathlib import Path

import numpy as np
import pytest

from training.packed.shard_writer import ShardWriter
from training.packed.shards import ShardError, Shards


def rows(counts: list[int], first: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    moves = sum(counts)
    positions = np.full((len(counts), 67), first, np.int8)
    return positions, np.array(counts), np.arange(moves) + first, np.arange(moves, dtype=np.uint16) * 7


def write(folder: Path) -> None:
    with ShardWriter(folder, "some set", "all") as writer:
        writer.append(*rows([2, 1, 3], 10))
        writer.append(*rows([], 0))
        writer.append(*rows([4], 20))
        writer.describe({"note": 3})


def test_what_is_appended_is_read_back(tmp_path: Path) -> None:
    write(tmp_path / "set")
    shards = Shards(tmp_path / "set")
    shards.verify()
    assert len(shards) == 4
    assert shards.positions[:, 0].tolist() == [10, 10, 10, 20]
    assert shards.move_offsets.tolist() == [0, 2, 3, 6, 10]
    assert shards.move_cells.tolist() == [10, 11, 12, 13, 14, 15, 20, 21, 22, 23]
    assert shards.move_values.tolist() == [0, 7, 14, 21, 28, 35, 0, 7, 14, 21]
    types = [a.dtype for a in (shards.positions, shards.move_offsets, shards.move_cells, shards.move_values)]
    assert types == [np.int8, np.int64, np.uint16, np.uint16]
    assert isinstance(shards.positions, np.memmap)
    wanted = {"source": "some set", "kind": "all", "positions": 4, "moves": 10, "note": 3, "format_version": 1}
    assert shards.manifest.items() >= wanted.items()
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_the_arrays_are_ordinary_npy_files(tmp_path: Path) -> None:
    write(tmp_path / "set")
    assert np.load(tmp_path / "set/positions.npy").shape == (4, 67)


def test_an_empty_set_can_be_read(tmp_path: Path) -> None:
    with ShardWriter(tmp_path / "set", "none", "all"):
        pass
    shards = Shards(tmp_path / "set")
    assert len(shards) == 0 and shards.move_offsets.tolist() == [0]


def test_nothing_appears_when_writing_fails_and_leftovers_do_not_matter(tmp_path: Path) -> None:
    with pytest.raises(KeyError), ShardWriter(tmp_path / "set", "s", "all") as writer:
        writer.append(*rows([1], 1))
        raise KeyError
    assert list(tmp_path.iterdir()) == []
    (tmp_path / ".set.partial").mkdir()
    (tmp_path / ".set.partial" / "junk").write_text("of an interrupted run")
    write(tmp_path / "set")
    Shards(tmp_path / "set").verify()
    assert not (tmp_path / "set" / "junk").exists()


def test_a_folder_is_never_overwritten(tmp_path: Path) -> None:
    write(tmp_path / "set")
    with pytest.raises(ShardError, match="expected a new folder"):
        ShardWriter(tmp_path / "set", "s", "all")


def test_shapes_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    positions, counts, cells, values = rows([2, 1], 0)
    with (
        pytest.raises(ShardError, match="expected .*2, 67.* and .*3"),
        ShardWriter(tmp_path / "s", "s", "all") as writer,
    ):
        writer.append(positions, counts, cells[:2], values)


def test_a_missing_folder_or_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ShardError, match=r"manifest\.json, got .*absent"):
        Shards(tmp_path / "absent")
    write(tmp_path / "set")
    (tmp_path / "set/move_cells.npy").unlink()
    with pytest.raises(ShardError, match=r"move_cells\.npy"):
        Shards(tmp_path / "set")


@pytest.mark.parametrize("name", ["positions", "move_offsets", "move_cells", "move_values"])
@pytest.mark.parametrize("left", [0, 40, -1])
def test_a_truncated_file_is_named(tmp_path: Path, name: str, left: int) -> None:
    write(tmp_path / "set")
    path = tmp_path / "set" / f"{name}.npy"
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(ShardError, match=name):
        Shards(tmp_path / "set")


def test_another_format_version_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "set")
    path = tmp_path / "set/manifest.json"
    manifest = json.loads(path.read_text())
    for changed, reason in (
        ({"format_version": 2}, "expected format_version 1 .* got 2"),
        ({"positions": "4"}, "expected int 'positions'"),
        ({"positions": 3}, "expected int8"),
        ({"moves": 11}, "move_cells"),
    ):
        path.write_text(json.dumps(manifest | changed))
        with pytest.raises(ShardError, match=reason):
            Shards(tmp_path / "set")
    path.write_text("{")
    with pytest.raises(ShardError, match="JSON"):
        Shards(tmp_path / "set")


def test_verify_notices_a_changed_byte(tmp_path: Path) -> None:
    write(tmp_path / "set")
    path = tmp_path / "set/move_values.npy"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(ShardError, match=r"sha256 .* move_values|sha256 .*move_values"):
        Shards(tmp_path / "set").verify()
