"""Packed sets read by ranges of bytes from any file system that fsspec opens: s3://, gs://, http://, memory://.

A set is read in blocks of rows. Of each block two ranges are asked for at once, where its moves lie and its
positions, and then two more, cells and values. Blocks are kept until others take their room, and those that
are needed next are fetched meanwhile.
"""

import json
import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import fsspec
import numpy as np

from training.packed.block_order import BLOCK_ROWS, WINDOW_BLOCKS, BlockOrder, Generators, ranges
from training.packed.shards import (
    ARRAYS,
    DIGEST_ORDER,
    HEADER_BYTES,
    MANIFEST,
    NoShardsError,
    PackedRows,
    PackedSet,
    ShardError,
    Shards,
    array_rows,
    check_array,
    check_offsets,
    checked_manifest,
)

_OFFSETS_FIRST = sorted(ARRAYS, key=lambda name: name != "move_offsets")
_KEPT_BLOCKS = 3 * WINDOW_BLOCKS  # the window in use, the next one, and what remains of the one before


def open_shards(place: str | Path) -> PackedSet:
    """Opens a packed set: memory-mapped where it is a local folder, else read by ranges.

    Args:
      place: a path, or an address such as s3://bucket/packed/mine/train.

    Raises:
      ShardError: the set is missing, damaged, of another format, or its file system cannot be opened.
    """
    address = str(place)
    if "://" not in address or address.startswith("file://"):
        return Shards(Path(address.removeprefix("file://")))
    return RangedShards(address)


class RangedShards:
    """A packed set on another machine; what `Shards` is for a local folder.

    Attributes:
      place: its address.
      manifest: the decoded manifest.
      positions, move_offsets, move_cells, move_values: the arrays, of which slices can be read.

    Args:
      address: of the folder, with its scheme.

    Raises:
      ShardError: the set is missing, truncated, of another format or not in the order of digests, or its
        file system cannot be opened.
    """

    def __init__(self, address: str) -> None:
        self.place = address.rstrip("/")
        self._files, self._root = _file_system(self.place)
        self.manifest = self._manifest()
        self._check_arrays()
        self.positions, self.move_offsets, self.move_cells, self.move_values = map(self._array, ARRAYS)
        self._blocks: OrderedDict[int, Future[dict[int, _Block]]] = OrderedDict()
        self._expected: Sequence[int] = ()
        self._lock = Lock()
        self._fetcher = ThreadPoolExecutor(1, thread_name_prefix="packed blocks")

    def __len__(self) -> int:
        return int(self.manifest["positions"])

    def order(self, generators: Generators) -> BlockOrder:
        """Returns an epoch's random order of the rows, which reads few blocks at a time."""
        return BlockOrder(len(self), generators, self._expect)

    def read(self, items: np.ndarray) -> PackedRows:
        """Returns rows of the set, from blocks that are here or are fetched now; see `Shards.read`."""
        numbers = items // BLOCK_ROWS
        blocks = self._held([int(number) for number in np.unique(numbers)])
        counts = np.empty(len(items), np.int64)
        for number, block in blocks.items():
            inside = numbers == number
            counts[inside] = np.diff(block.offsets)[items[inside] - number * BLOCK_ROWS]
        starts = np.cumsum(counts) - counts
        rows = PackedRows(
            np.empty((len(items), *ARRAYS["positions"][1]), ARRAYS["positions"][0]),
            counts,
            np.empty(counts.sum(), ARRAYS["move_cells"][0]),
            np.empty(counts.sum(), ARRAYS["move_values"][0]),
        )
        for number, block in blocks.items():
            inside = numbers == number
            local = items[inside] - number * BLOCK_ROWS
            there, here = (ranges(first[i], counts[inside]) for first, i in ((starts, inside), (block.offsets, local)))
            rows.positions[inside] = block.positions[local]
            rows.cells[there], rows.values[there] = block.cells[here], block.values[here]
        return rows

    def _held(self, numbers: Sequence[int]) -> dict[int, "_Block"]:
        with self._lock:
            self._fetch(numbers)
            expected, self._expected = self._expected, ()
            self._fetch(expected)
            futures = {number: self._blocks[number] for number in numbers}
            while len(self._blocks) > max(_KEPT_BLOCKS, len(numbers)):
                self._blocks.popitem(last=False)
        return {number: future.result()[number] for number, future in futures.items()}

    def _expect(self, blocks: np.ndarray) -> None:
        self._expected = blocks.tolist()  # fetched with the next rows: a draw alone reads nothing

    def _fetch(self, numbers: Sequence[int]) -> None:
        """Begins to fetch the blocks that are not here, and makes all of them the last to be dropped."""
        missing = [number for number in numbers if number not in self._blocks]
        if missing:
            self._blocks.update(dict.fromkeys(missing, self._fetcher.submit(self._fetched, missing)))
        for number in numbers:
            self._blocks.move_to_end(number)

    def _fetched(self, numbers: Sequence[int]) -> dict[int, "_Block"]:
        firsts = [number * BLOCK_ROWS for number in numbers]
        rows = [(first, min(first + BLOCK_ROWS, len(self))) for first in firsts]
        parts = self._ranges(
            [("move_offsets", first, end + 1) for first, end in rows]
            + [("positions", first, end) for first, end in rows]
        )
        offsets, positions = parts[: len(rows)], parts[len(rows) :]
        for (first, end), part in zip(rows, offsets, strict=True):
            if not 0 <= part[0] <= part[-1] <= self.manifest["moves"] or np.any(np.diff(part) < 0):
                raise ShardError(f"expected ascending offsets of rows {first} to {end} of {self.place}, got others")
        moves = self._ranges(
            [(name, int(part[0]), int(part[-1])) for name in ("move_cells", "move_values") for part in offsets]
        )
        cells, values = moves[: len(rows)], moves[len(rows) :]
        starts = [part - part[0] for part in offsets]
        return dict(zip(numbers, map(_Block, starts, positions, cells, values), strict=True))

    def _array(self, name: str) -> "RangedArray":
        return RangedArray(array_rows(self.manifest)[name], lambda first, end: self._ranges([(name, first, end)])[0])

    def _manifest(self) -> dict[str, Any]:
        path = f"{self.place}/{MANIFEST}"
        try:
            text = self._files.cat_file(f"{self._root}/{MANIFEST}")
        except FileNotFoundError as error:
            raise NoShardsError(f"expected a packed set with {MANIFEST}, got {self.place}") from error
        except Exception as error:  # each file system has its own
            raise ShardError(f"expected a readable manifest, got {path}: {_one_line(error)}") from error
        manifest = checked_manifest(text, path)
        if manifest.get("order") != DIGEST_ORDER:
            raise ShardError(
                f"expected a set in the order of its digests to read by ranges, got {path} without order "
                f"{json.dumps(DIGEST_ORDER)}: pack its labels again"
            )
        return manifest

    def _check_arrays(self) -> None:
        """Looks at the header and the last row of each array."""
        rows = array_rows(self.manifest)
        for name, head in zip(ARRAYS, self._bytes([(name, 0, HEADER_BYTES) for name in ARRAYS]), strict=True):
            check_array(self._path(name), name, rows[name], head)
        # Asking for the last rows also shows that no file was cut short.
        first, last, *_ = self._ranges(
            [("move_offsets", 0, 1)] + [(name, rows[name] - 1, rows[name]) for name in _OFFSETS_FIRST if rows[name]]
        )
        check_offsets(self.place, np.concatenate([first, last]), self.manifest)

    def _ranges(self, asked: Sequence[tuple[str, int, int]]) -> list[np.ndarray]:
        """Returns rows first..end of arrays, all asked for at once."""
        sizes = {name: dtype.itemsize * math.prod(tail) for name, (dtype, tail) in ARRAYS.items()}
        parts = self._bytes(
            [(name, HEADER_BYTES + first * sizes[name], HEADER_BYTES + end * sizes[name]) for name, first, end in asked]
        )
        return [
            np.frombuffer(part, ARRAYS[name][0]).reshape(-1, *ARRAYS[name][1])
            for part, (name, _, _) in zip(parts, asked, strict=True)
        ]

    def _bytes(self, asked: Sequence[tuple[str, int, int]]) -> list[bytes]:
        """Returns bytes first..end of arrays' files, all asked for at once."""
        paths = [f"{self._root}/{name}.npy" for name, _, _ in asked]
        firsts, ends = [first for _, first, _ in asked], [end for _, _, end in asked]
        try:
            parts = self._files.cat_ranges(paths, firsts, ends)
        except Exception as error:  # each file system has its own
            raise ShardError(f"expected to read {self.place}, got: {_one_line(error)}") from error
        for part, (name, first, end) in zip(parts, asked, strict=True):
            got = f"{len(part)} bytes" if isinstance(part, bytes) else _one_line(part)
            if got != f"{end - first} bytes":
                raise ShardError(f"expected bytes {first} to {end} of {self._path(name)}, got: {got}")
        return list(parts)

    def _path(self, name: str) -> str:
        return f"{self.place}/{name}.npy"


class RangedArray:
    """An array on another machine: a slice of it is one range, and `np.asarray` reads it all.

    Args:
      rows: its length.
      read: returns rows first..end.
    """

    def __init__(self, rows: int, read: Callable[[int, int], np.ndarray]) -> None:
        self._rows, self._read = rows, read

    def __len__(self) -> int:
        return self._rows

    def __getitem__(self, rows: slice) -> np.ndarray:
        first, end, step = rows.indices(self._rows)
        return self._read(first, max(first, end))[::step]

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self[:], dtype, copy=copy)


class _Block(NamedTuple):
    """Neighbouring rows of a set."""

    offsets: np.ndarray  # int64 [rows + 1], of their moves in the arrays below
    positions: np.ndarray  # int8 [rows, P]
    cells: np.ndarray  # uint16 [moves]
    values: np.ndarray  # uint16 [moves]


def _file_system(address: str) -> tuple[Any, str]:
    try:
        files, root = fsspec.url_to_fs(address)
    except ImportError as error:
        raise ShardError(
            f"expected the packages that open {address}, got none: pip install 'recursezero[remote]' "
            f"({_one_line(error)})"
        ) from None
    except ValueError as error:
        raise ShardError(f"expected an address that fsspec opens, got {address}: {_one_line(error)}") from None
    return files, root.rstrip("/")


def _one_line(error: object) -> str:
    return " ".join(str(error).split()) or type(error).__name__
