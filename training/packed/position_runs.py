"""Puts any number of positions in the order of their digests, in bounded memory.

Rows are collected until a run is full; a run is sorted and appended to files on disk. In the end all
runs are read together, one range of digests after another. Digests are spread evenly, so ranges of
equal width hold about equally many rows, and a row that repeats is in each run only once.
"""

import shutil
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import ExitStack
from io import BufferedRandom
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import numpy as np

from engine.encoding.position import POSITION_SIZE
from training.packed.block_order import ranges

RUN_ROWS = 1 << 19  # about 100 MB, three times that while a run is sorted
RANGE_ROWS = 1 << 18
_ROWS_AT_ONCE = 1 << 15
_DIGESTS = 1 << 64
KEY = np.dtype(
    [
        ("digest", "<u8"),  # of the position
        ("sightings", "<u4"),  # how many rows of the input this one stands for
        ("mark", "u1"),  # free for the caller; that of the first of equal rows is kept
        ("moves", "u1"),  # legal moves, 0 if the row is a key alone
    ]
)


class Rows(NamedTuple):
    """Positions known by their digests, with their moves."""

    keys: np.ndarray  # KEY [n]
    positions: np.ndarray  # int8 [k, P], of the k rows that have moves
    moves: np.ndarray  # uint16 [moves, 2], policy cells and values, one row after another


class PositionRuns:
    """Collects rows, and gives them back in the order of their digests; used as a context manager.

    Args:
      folder: a new folder for the runs, deleted at the end; a leftover of that name is deleted, too.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: list[Rows] = []
        self._waiting_rows = 0
        self._ends = [np.zeros(3, np.int64)]  # of each run in the three files, in items; 0 before the first
        self._files: list[BufferedRandom] = []
        self._stack = ExitStack()

    def __enter__(self) -> "PositionRuns":
        shutil.rmtree(self._folder, ignore_errors=True)  # of a process that was killed
        self._folder.mkdir(parents=True)
        self._stack.callback(shutil.rmtree, self._folder)
        for name in Rows._fields:
            self._files.append(self._stack.enter_context((self._folder / name).open("w+b")))
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def add(self, rows: Rows) -> None:
        """Adds rows; of equal ones the first added comes back, with the sightings of all."""
        self._waiting.append(rows)
        self._waiting_rows += len(rows.keys)
        if self._waiting_rows >= RUN_ROWS:
            self._write_run()

    def sorted(self) -> Iterator[tuple[Rows, float]]:
        """Yields all rows in ascending order of their digests, no digest twice, and the share done."""
        self._write_run()
        starts, ends = np.array(self._ends[:-1]).reshape(-1, 3), self._ends[1:]
        count = -(-int(self._ends[-1][0]) // RANGE_ROWS)
        for number in range(1, count + 1):
            bound = _DIGESTS * number // count
            parts = []
            for start, end in zip(starts, ends, strict=True):
                part = self._read(start, self._below(bound, int(start[0]), int(end[0])))
                start += len(part.keys), len(part.positions), len(part.moves)
                parts.append(part)
            yield _merged(parts), number / count

    def _write_run(self) -> None:
        if not self._waiting_rows:
            return
        run = _merged(self._waiting)
        self._waiting, self._waiting_rows = [], 0
        for file, array in zip(self._files, run, strict=True):
            file.write(array.view(np.uint8).reshape(-1).data)
        self._ends.append(self._ends[-1] + np.array([len(array) for array in run]))

    def _below(self, bound: int, start: int, end: int) -> int:
        """Returns the first of a run's keys in start..end whose digest is not below a bound."""
        if bound == _DIGESTS:
            return end
        return bisect_left(range(end), bound, start, end, key=self._digest)

    def _digest(self, item: int) -> int:
        self._files[0].seek(item * KEY.itemsize)
        return int.from_bytes(self._files[0].read(8), "little")

    def _read(self, start: np.ndarray, end: int) -> Rows:
        """Reads the rows of a run from a place in the three files to the key `end`."""
        first_key, first_position, first_move = map(int, start)
        keys = _array(self._files[0], KEY, first_key, end - first_key)
        positions, moves = int(np.count_nonzero(keys["moves"])), int(keys["moves"].sum(dtype=np.int64))
        return Rows(
            keys,
            _array(self._files[1], np.dtype((np.int8, POSITION_SIZE)), first_position, positions),
            _array(self._files[2], np.dtype((np.uint16, 2)), first_move, moves),
        )


def chosen_rows(rows: Rows, order: np.ndarray) -> Rows:
    """Returns some of the rows, in the order given.

    Args:
      rows: to choose from.
      order: integers `[n]`, which rows.
    """
    counts = rows.keys["moves"].astype(np.int64)
    places = np.cumsum(counts > 0) - 1
    starts = (np.cumsum(counts) - counts)[order]
    keys, counts = rows.keys[order], counts[order]
    moves = np.empty((counts.sum(), 2), np.uint16)
    ends = np.cumsum(counts)
    # The numbers of the moves take more room than the moves: in pieces.
    for first in range(0, len(order), _ROWS_AT_ONCE):
        piece = slice(first, first + _ROWS_AT_ONCE)
        begin = ends[first] - counts[first]
        moves[begin : ends[piece][-1]] = rows.moves[ranges(starts[piece], counts[piece])]
    return Rows(keys, rows.positions[places[order[counts > 0]]], moves)


def _merged(parts: list[Rows]) -> Rows:
    """Returns the rows of all parts by digest: the first of equal ones, with the sightings of all."""
    rows = Rows(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))
    order = np.argsort(rows.keys["digest"], kind="stable")
    digests = rows.keys["digest"][order]
    is_first = np.ones(len(order), bool)
    is_first[1:] = digests[1:] != digests[:-1]
    merged = chosen_rows(rows, order[is_first])
    merged.keys["sightings"] = np.add.reduceat(rows.keys["sightings"][order], np.flatnonzero(is_first))
    return merged


def _array(file: BufferedRandom, dtype: np.dtype, first: int, count: int) -> np.ndarray:
    """Reads items of a file of equal items."""
    item, tail = dtype.base, dtype.shape
    file.seek(first * dtype.itemsize)
    data = file.read(count * dtype.itemsize)
    return np.frombuffer(data, item).reshape(count, *tail)
