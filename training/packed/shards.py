"""The format of packed sets, and sets that lie in a local folder, memory-mapped.

A set is a folder of flat arrays (docs/packed-sets.md has every byte):

    positions.npy      int8   [n, P]     encoded positions (engine/encoding/position.py)
    move_offsets.npy   int64  [n + 1]    the moves of position i are rows offsets[i]:offsets[i + 1]
    move_cells.npy     uint16 [moves]    policy cells (engine/encoding/move_labels.py)
    move_values.npy    uint16 [moves]    expected score w in [0, 1] for the side to move, w * 65535
    manifest.json      format version, source name, kind, order, counts, sha256 of each file
"""

import hashlib
import json
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from engine.encoding.position import POSITION_SIZE
from training.packed.block_order import BlockOrder, Generators, ranges

FORMAT_VERSION = 1
VALUE_SCALE = 65535
MANIFEST = "manifest.json"
DIGEST_ORDER = "digest"  # the manifest's `order`: any part of the set is a fair sample of it
HEADER_BYTES = 128  # before the rows of each array, of which NumPy pads the header
ARRAYS: dict[str, tuple[np.dtype[Any], tuple[int, ...]]] = {
    "positions": (np.dtype("i1"), (POSITION_SIZE,)),
    "move_offsets": (np.dtype("<i8"), ()),
    "move_cells": (np.dtype("<u2"), ()),
    "move_values": (np.dtype("<u2"), ()),
}
_LARGEST_SHUFFLE = 1 << 25  # rows: an order of more takes more than 256 MB


class ShardError(ValueError):
    """A packed set is missing, damaged or of another format; the text is one line."""


class NoShardsError(ShardError):
    """There is no packed set at a place."""


class PackedRows(NamedTuple):
    """Rows of a packed set; the moves of one row follow those of the row before."""

    positions: np.ndarray  # int8 [n, P]
    counts: np.ndarray  # int64 [n], legal moves
    cells: np.ndarray  # uint16 [sum(counts)]
    values: np.ndarray  # uint16 [sum(counts)], expected scores times 65535


class PackedArray(Protocol):
    """An array of a packed set, of which slices can be read, or all of it by `np.asarray`."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice, /) -> Any: ...

    def __array__(self) -> np.ndarray: ...


class PackedSet(Protocol):
    """A packed set, wherever it lies; `len(packed)` is its number of positions."""

    @property
    def place(self) -> str:
        """Folder or address, for messages."""

    @property
    def manifest(self) -> dict[str, Any]:
        """The decoded manifest."""

    @property
    def positions(self) -> PackedArray:
        """Encoded positions, int8 `[n, P]`."""

    @property
    def move_offsets(self) -> PackedArray:
        """Where the moves of each position begin, int64 `[n + 1]`."""

    @property
    def move_cells(self) -> PackedArray:
        """Policy cells, uint16 `[moves]`."""

    @property
    def move_values(self) -> PackedArray:
        """Expected scores times 65535, uint16 `[moves]`."""

    def __len__(self) -> int: ...

    def order(self, generators: Generators) -> np.ndarray | BlockOrder:
        """Returns an epoch's random order of the rows; `order[places]` are the rows at these places."""

    def read(self, items: np.ndarray) -> PackedRows:
        """Returns rows of the set.

        Args:
          items: int64 `[n]`, which rows.
        """


class Shards:
    """A packed set, memory-mapped.

    Attributes:
      folder: where it lies.
      place: the same as text.
      manifest: the decoded manifest.
      positions: int8 `[n, P]`.
      move_offsets: int64 `[n + 1]`.
      move_cells: uint16 `[moves]`.
      move_values: uint16 `[moves]`, expected score times 65535.

    Args:
      folder: written by `ShardWriter`.

    Raises:
      ShardError: the folder is missing, incomplete, truncated or of a newer format.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.place = Path(folder), str(folder)
        self.manifest = _read_manifest(self.folder)
        arrays = {name: _read_array(self.folder, name, rows) for name, rows in array_rows(self.manifest).items()}
        self.positions, self.move_offsets = arrays["positions"], arrays["move_offsets"]
        self.move_cells, self.move_values = arrays["move_cells"], arrays["move_values"]
        check_offsets(self.place, self.move_offsets[[0, -1]], self.manifest)

    def __len__(self) -> int:
        return len(self.positions)

    def order(self, generators: Generators) -> np.ndarray | BlockOrder:
        """Returns an epoch's random order of the rows; blocks are shuffled where one of all rows would be too large."""
        if len(self) > _LARGEST_SHUFFLE and self.manifest.get("order") == DIGEST_ORDER:
            return BlockOrder(len(self), generators)
        return generators().permutation(len(self))

    def read(self, items: np.ndarray) -> PackedRows:
        """Returns rows of the set.

        Args:
          items: int64 `[n]`, which rows.
        """
        starts = self.move_offsets[items]
        counts = self.move_offsets[items + 1] - starts
        rows = ranges(starts, counts)
        return PackedRows(np.array(self.positions[items]), counts, self.move_cells[rows], self.move_values[rows])

    def verify(self) -> None:
        """Reads every file and compares it with the manifest's sha256.

        Raises:
          ShardError: a file is not the one that was written.
        """
        for file_name, expected in self.manifest["sha256"].items():
            found = sha256_of(self.folder / file_name)
            if found != expected:
                raise ShardError(f"expected sha256 {expected} for {self.folder / file_name}, got {found}")


def array_rows(manifest: dict[str, Any]) -> dict[str, int]:
    """Returns how many rows each array of a set has."""
    n, moves = manifest["positions"], manifest["moves"]
    return {"positions": n, "move_offsets": n + 1, "move_cells": moves, "move_values": moves}


def checked_manifest(text: bytes, place: str) -> dict[str, Any]:
    """Returns a decoded manifest of this format.

    Args:
      text: the file.
      place: its path or address.

    Raises:
      ShardError: it is of another format, or not a manifest.
    """
    try:
        manifest = json.loads(text)
    except ValueError as error:
        raise ShardError(f"expected a readable JSON manifest, got {place}: {error}") from error
    version = manifest.get("format_version") if isinstance(manifest, dict) else None
    if version != FORMAT_VERSION:
        raise ShardError(f"expected format_version {FORMAT_VERSION} in {place}, got {version!r}")
    for key, wanted in {"positions": int, "moves": int, "sha256": dict}.items():
        if not isinstance(manifest.get(key), wanted):
            raise ShardError(f"expected {wanted.__name__} {key!r} in {place}, got {manifest.get(key)!r}")
    return dict(manifest)


def check_array(place: str, name: str, rows: int, header: bytes) -> None:
    """Checks the header of an array's file.

    Args:
      place: path or address of the file.
      name: of the array.
      rows: that it should have.
      header: the first bytes of the file.

    Raises:
      ShardError: it is another one.
    """
    wanted, (dtype, tail) = HEADER_BYTES, ARRAYS[name]
    try:
        file = BytesIO(header)
        np.lib.format.read_magic(file)
        shape, in_columns, found = np.lib.format.read_array_header_1_0(file)
    except (ValueError, EOFError) as error:
        raise ShardError(f"expected an array of {rows} rows in {place}, got: {' '.join(str(error).split())}") from error
    if (found, shape, in_columns, file.tell()) != (dtype, (rows, *tail), False, wanted):
        raise ShardError(
            f"expected {dtype} {(rows, *tail)} behind {wanted} bytes in {place}, "
            f"got {found} {shape} behind {file.tell()}"
        )


def check_offsets(place: str, ends: np.ndarray, manifest: dict[str, Any]) -> None:
    """Checks where moves begin and end.

    Args:
      place: of the set.
      ends: the first and the last offset.
      manifest: of the set.

    Raises:
      ShardError: they are no offsets of the set's moves.
    """
    if ends[0] != 0 or ends[1] != manifest["moves"]:
        raise ShardError(f"expected offsets from 0 to {manifest['moves']} in {place}, got {ends[0]} to {ends[1]}")


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        return checked_manifest(path.read_bytes(), str(path))
    except FileNotFoundError as error:
        raise NoShardsError(f"expected a packed set with {MANIFEST}, got {folder}") from error
    except OSError as error:
        raise ShardError(f"expected a readable JSON manifest, got {path}: {error}") from error


def _read_array(folder: Path, name: str, rows: int) -> np.ndarray:
    dtype, tail = ARRAYS[name]
    path = folder / f"{name}.npy"
    try:
        with path.open("rb") as file:
            check_array(str(path), name, rows, file.read(HEADER_BYTES))
        if not rows:  # an array without elements cannot be mapped
            return np.zeros((0, *tail), dtype)
        return np.memmap(path, dtype, "r", HEADER_BYTES, (rows, *tail))
    except FileNotFoundError as error:
        raise ShardError(f"expected {name}.npy in the shards {folder}, got no such file") from error
    except ShardError:
        raise
    except (OSError, ValueError) as error:
        raise ShardError(f"expected an array of {rows} rows in {path}, got: {error}") from error


def sha256_of(path: Path) -> str:
    """Returns the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
