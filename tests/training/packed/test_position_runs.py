"""Sorting on disk: the same rows as a slow dictionary gives, whatever fits in memory."""

from pathlib import Path

import numpy as np
import pytest

from training.packed.position_runs import KEY, PositionRuns, Rows, chosen_rows


def random_rows(seed: int, count: int, digests: np.ndarray) -> Rows:
    draws = np.random.default_rng(seed)
    keys = np.zeros(count, KEY)
    keys["digest"] = draws.choice(digests, count)
    keys["sightings"], keys["mark"] = draws.integers(0, 3, count), draws.integers(0, 4, count)
    keys["moves"] = draws.integers(0, 9, count)  # 0: a key alone
    positions = draws.integers(-7, 8, (np.count_nonzero(keys["moves"]), 67)).astype(np.int8)
    return Rows(keys, positions, draws.integers(0, 1 << 16, (int(keys["moves"].sum()), 2)).astype(np.uint16))


def listed(rows: Rows) -> list[tuple[int, int, int, bytes, bytes]]:
    """Returns (digest, sightings, mark, position, moves) of each row, read one after another."""
    entries, positions, first = [], iter(rows.positions), 0
    for digest, sightings, mark, count in rows.keys.tolist():
        position = next(positions).tobytes() if count else b""
        entries.append((digest, sightings, mark, position, rows.moves[first : first + count].tobytes()))
        first += count
    return entries


@pytest.mark.parametrize(("run_rows", "range_rows"), [(1, 1), (40, 7), (64, 1000), (1000, 3)])
def test_equal_rows_come_back_once_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_rows: int, range_rows: int
) -> None:
    monkeypatch.setattr("training.packed.position_runs.RUN_ROWS", run_rows)
    monkeypatch.setattr("training.packed.position_runs.RANGE_ROWS", range_rows)
    digests = np.append(
        np.random.default_rng(5).integers(0, 1 << 64, 60, np.uint64), np.array([0, (1 << 64) - 1], np.uint64)
    )
    parts = [random_rows(seed, count, digests) for seed, count in enumerate((30, 0, 1, 77, 20))]
    wanted: dict[int, tuple[int, int, int, bytes, bytes]] = {}
    for entry in (entry for part in parts for entry in listed(part)):
        first = wanted.get(entry[0], (entry[0], 0, *entry[2:]))
        wanted[entry[0]] = (first[0], first[1] + entry[1], *first[2:])
    with PositionRuns(tmp_path / "runs") as runs:
        for part in parts:
            runs.add(part)
        pieces = list(runs.sorted())
    assert [entry for rows, _ in pieces for entry in listed(rows)] == [wanted[digest] for digest in sorted(wanted)]
    shares = [share for _, share in pieces]
    assert shares == sorted(shares) and shares[-1] == 1.0
    assert not list(tmp_path.iterdir())


def test_no_rows_are_no_rows(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "keys").write_text("of a process that was killed")
    with PositionRuns(tmp_path / "runs") as runs:
        assert list(runs.sorted()) == []


def test_rows_are_chosen_with_their_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.packed.position_runs._ROWS_AT_ONCE", 3)
    rows = random_rows(1, 20, np.arange(50, dtype=np.uint64))
    order = np.array([19, 3, 3, 0, 7, 11, 12, 2])
    assert listed(chosen_rows(rows, order)) == [listed(rows)[row] for row in order]
    assert listed(chosen_rows(rows, order[:0])) == []
