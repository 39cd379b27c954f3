"""Packing: decoded positions, split by group, determinism, duplicates and exclusion."""

from pathlib import Path

import chess
import fsspec
import numpy as np
import pytest

from engine.encoding.position import encode_position
from engine.files.text_file import FileError
from tests.reference.packed_board import board_of, legal_cells
from training.labels.label_formats import LabelKind, read_labels
from training.packed.label_chunks import is_validation_group
from training.packed.label_packing import (
    PackConfig,
    PackCounts,
    PackError,
    pack_labels,
    position_digests,
)
from training.packed.shards import ShardError, Shards

DATA = Path(__file__).resolve().parents[2] / "data"
FILES: dict[LabelKind, Path] = {
    "all": DATA / "labels-all.tsv",
    "top4": DATA / "labels-top4.tsv",
    "puzzles": DATA / "puzzles.csv",
}
OPEN_PUZZLE = "other,k7/8/8/8/8/8/7R/K7 b - - 0 1,a8b8 h2h8\n"


def pack(out: Path, kind: LabelKind = "all", **settings: object) -> PackCounts:
    arguments = {"inputs": (FILES[kind],), "name": "sample", "validation_percent": 30.0} | settings
    return pack_labels(PackConfig(kind=kind, out=out, **arguments))  # type: ignore[arg-type]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def packed_positions(folder: Path) -> set[bytes]:
    return {row[:65].tobytes() for part in ("train", "validation") for row in Shards(folder / part).positions}


@pytest.mark.parametrize("kind", ["all", "top4", "puzzles"])
def test_packed_positions_decode_to_boards_with_the_same_legal_moves(tmp_path: Path, kind: LabelKind) -> None:
    pack(tmp_path / "set", kind)
    for part in ("train", "validation"):
        shards = Shards(tmp_path / "set" / part)
        assert len(shards) > 5
        for index in range(len(shards)):
            moves = slice(*shards.move_offsets[index : index + 2])
            board = board_of(shards.positions[index])
            assert board.is_valid()
            assert set(shards.move_cells[moves].tolist()) == legal_cells(board)
            assert len(shards.move_cells[moves]) == board.legal_moves.count()


@pytest.mark.parametrize("kind", ["all", "top4", "puzzles"])
def test_the_parts_hold_the_groups_in_the_order_of_digests(tmp_path: Path, kind: LabelKind) -> None:
    pack(tmp_path / "set", kind)
    labels = [x for x in read_labels(FILES[kind], kind) if kind != "puzzles" or len(x.moves) > 1]
    for part in ("train", "validation"):
        wanted = [x for x in labels if is_validation_group(x.group, 30.0) == (part == "validation")]
        wanted.sort(key=lambda x: position_digests(encode_position(x.board)[None])[0])
        shards = Shards(tmp_path / "set" / part)
        assert shards.manifest["order"] == "digest"
        assert np.array_equal(shards.positions, [encode_position(x.board) for x in wanted])
        assert np.allclose(shards.move_values / 65535, np.concatenate([x.values for x in wanted]), atol=1e-5)


def test_no_group_is_in_both_parts_and_the_share_is_right() -> None:
    groups = [f"{n}.{k}" for n in range(100) for k in range(100)]
    share = np.mean([is_validation_group(group, 5.0) for group in groups])
    assert 0.04 < share < 0.06
    assert not any(is_validation_group(group, 0.0) for group in groups)
    assert all(is_validation_group(group, 100.0) for group in groups)


def test_processes_and_memory_and_repetition_change_no_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.packed.label_chunks.LINES_PER_CHUNK", 7)
    monkeypatch.setattr("training.packed.position_runs.RUN_ROWS", 50)
    monkeypatch.setattr("training.packed.position_runs.RANGE_ROWS", 13)
    pack(tmp_path / "one", "puzzles")
    pack(tmp_path / "two", "puzzles", processes=2)
    monkeypatch.undo()
    pack(tmp_path / "three", "puzzles")
    assert contents(tmp_path / "one") == contents(tmp_path / "two") == contents(tmp_path / "three")


def test_equal_positions_are_packed_once_whatever_their_clocks(tmp_path: Path) -> None:
    first, second = FILES["all"].read_text().splitlines()[:2]
    group, fen, values = first.split("\t")
    board = chess.Board(fen)
    board.halfmove_clock += 1
    flipped = board.mirror()  # the same position with colours exchanged encodes equally
    other = "".join(reversed([values[i : i + 2] for i in range(0, len(values), 2)]))
    path = tmp_path / "twice.tsv"
    lines = [first, second, f"x\t{board.fen()}\t{other}", f"y\t{flipped.fen()}\t{other}"]
    path.write_text("\n".join(lines) + "\n")
    counts = pack(tmp_path / "set", inputs=(path,), validation_percent=0.0)
    assert (counts.train, counts.validation, counts.duplicate, counts.total) == (2, 0, 2, 4)
    shards = Shards(tmp_path / "set/train")
    kept = next(iter(read_labels(path, "all")))
    (row,) = np.flatnonzero((shards.positions[:, :65] == encode_position(kept.board)[:65]).all(1))
    moves = slice(*shards.move_offsets[row : row + 2])
    assert np.allclose(shards.move_values[moves] / 65535, kept.values, atol=1e-5)


def test_digests_see_men_and_en_passant_but_no_clocks() -> None:
    positions = np.zeros((5, 67), np.int8)
    positions[1, 65], positions[2, 66] = 3, 1
    positions[3, 63], positions[4, 64] = -1, 40
    a, b, c, d, e = position_digests(positions)
    assert a == b == c and len({a, d, e}) == 3


def test_excluded_files_and_packed_folders_are_left_out(tmp_path: Path) -> None:
    lines = FILES["all"].read_text().splitlines(keepends=True)
    (tmp_path / "held.tsv").write_text("".join(lines[:10]))
    counts = pack(tmp_path / "set", exclude=(tmp_path / "held.tsv",))
    assert counts.excluded == 10 and counts.total == 60
    held = {encode_position(x.board)[:65].tobytes() for x in read_labels(tmp_path / "held.tsv", "all")}
    assert not held & packed_positions(tmp_path / "set")
    rest = pack(tmp_path / "rest", unique_from=(tmp_path / "set",))
    assert (rest.duplicate, rest.train + rest.validation) == (50, 10)
    assert packed_positions(tmp_path / "rest") == held
    part = pack(tmp_path / "part", unique_from=(tmp_path / "set/train",))
    assert part.duplicate == len(Shards(tmp_path / "set/train"))
    (tmp_path / "set/train/manifest.json").unlink()
    with pytest.raises(ShardError, match=r"expected a packed set .*set/train"):
        pack(tmp_path / "none", unique_from=(tmp_path / "set",))


def test_positions_of_a_set_elsewhere_are_left_out(tmp_path: Path) -> None:
    pack(tmp_path / "set")
    files = fsspec.filesystem("memory")
    files.put(f"{tmp_path}/set/", "/elsewhere/", recursive=True)
    counts = pack(tmp_path / "rest", inputs=(FILES["all"], FILES["all"]), unique_from=("memory://elsewhere/train",))
    files.rm("/elsewhere", recursive=True)
    rest = len(Shards(tmp_path / "set/validation"))
    assert (counts.train + counts.validation, counts.duplicate) == (rest, 120 - rest)
    assert Shards(tmp_path / "rest/train").manifest["unique_from"] == ["train"]


def test_every_position_of_an_excluded_puzzle_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "more.csv").write_text(OPEN_PUZZLE)
    inputs = (FILES["puzzles"], tmp_path / "more.csv")
    counts = pack(tmp_path / "set", "puzzles", inputs=inputs, exclude=(FILES["puzzles"],))
    assert counts.train + counts.validation == 1 and counts.excluded > 60
    assert Shards(tmp_path / "set/train").manifest["left_out"]["excluded"] == counts.excluded


def test_only_puzzles_drop_positions_with_a_single_legal_move(tmp_path: Path) -> None:
    fen = "7k/8/8/8/8/8/1r6/K7 w - - 0 1"
    (tmp_path / "one.tsv").write_text(f"g\t{fen}\tVV\n")
    (tmp_path / "two.csv").write_text("id,7k/8/8/8/8/8/7r/K7 b - - 0 1,h2b2 a1b2\n" + OPEN_PUZZLE)
    kept = pack(tmp_path / "all", inputs=(tmp_path / "one.tsv",))
    dropped = pack(tmp_path / "puzzles", "puzzles", inputs=(tmp_path / "two.csv",))
    assert kept.train + kept.validation == 1
    assert dropped.forced == 1 and dropped.train + dropped.validation == 1


@pytest.mark.parametrize("processes", [1, 2])
def test_a_malformed_line_leaves_nothing_behind(tmp_path: Path, processes: int) -> None:
    path = tmp_path / "bad.tsv"
    path.write_text(FILES["all"].read_text() + "g\tnonsense\t00\n")
    with pytest.raises(FileError, match=r"bad\.tsv, line 61"):
        pack(tmp_path / "set", inputs=(path,), processes=processes, strict=True)
    assert not (tmp_path / "set").exists()


def test_lines_that_cannot_be_read_are_left_out_and_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.tsv"
    path.write_text("g\tnonsense\t00\n" * 12 + FILES["all"].read_text())
    counts = pack(tmp_path / "set", inputs=(path,))
    assert counts.train + counts.validation == 60 and counts.unreadable == 12
    listed = capsys.readouterr().err.splitlines()
    assert len(listed) == 10 and listed[9].startswith(f"skipped {path}, line 10: expected")


def test_puzzles_are_packed_whatever_the_order_of_their_columns(tmp_path: Path) -> None:
    lines = [line.split(",") for line in FILES["puzzles"].read_text().splitlines()]
    turned = "\r\n".join(",".join(f'"{field}"' for field in (*line[3:], *line[2::-1])) for line in lines)
    (tmp_path / "turned.csv").write_bytes(b"\xef\xbb\xbf" + turned.encode())
    pack(tmp_path / "plain", "puzzles", inputs=(FILES["puzzles"],))
    pack(tmp_path / "turned", "puzzles", inputs=(tmp_path / "turned.csv",))
    for split in ("train", "validation"):
        plain, other = (Shards(tmp_path / name / split) for name in ("plain", "turned"))
        assert np.array_equal(plain.positions, other.positions)


def test_wrong_settings_are_refused(tmp_path: Path) -> None:
    for settings, reason in (
        ({"inputs": ()}, "input file"),
        ({"validation_percent": 101.0}, "0..100"),
        ({"processes": 0}, "process"),
        ({"unique_from": (tmp_path / "absent",)}, "packed folder"),
    ):
        with pytest.raises(PackError, match=reason):
            pack(tmp_path / "set", **settings)
    with pytest.raises(PackError, match="expected a kind in all, top4, puzzles, got 'best'"):
        PackConfig(kind="best", inputs=(FILES["all"],), out=tmp_path, name="x")  # type: ignore[arg-type]
