"""A packed set of labelled positions: a folder of flat arrays, memory-mapped when read.

    positions.npy      int8   [n, P]     encoded positions (engine/encoding/position.py)
    move_offsets.npy   int64  [n + 1]    the moves of position i are rows offsets[i]:offsets[i + 1]
    move_cells.npy     uint16 [moves]    policy cells (engine/encoding/move_labels.py)
    move_values.npy    uint16 [moves]    expected score w in [0, 1] for the side to move, w * 65535
    manifest.json      format version, source name, kind, counts, sha256 of each file

A folder appears under its name only when it is complete.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np

from engine.encoding.position import POSITION_SIZE
from engine.files.new_folder import new_folder

FORMAT_VERSION = 1
VALUE_SCALE = 65535
MANIFEST = "manifest.json"
DIGEST_ORDER = "digest"  # the manifest's `order`: any part of the set is a fair sample of it
_ARRAYS: dict[str, tuple[np.dtype[Any], tuple[int, ...]]] = {
    "positions": (np.dtype(np.int8), (POSITION_SIZE,)),
    "move_offsets": (np.dtype(np.int64), ()),
    "move_cells": (np.dtype(np.uint16), ()),
    "move_values": (np.dtype(np.uint16), ()),
}


class ShardError(ValueError):
    """A folder of shards is missing, damaged or of another format; the text is one line."""


class ShardWriter:
    """Appends labelled positions to a new folder; used as a context manager.

    The arrays grow in a hidden folder beside it, which takes the final name when the block ends
    and is deleted when the block fails.

    Args:
      folder: the folder to make; nothing may be there yet.
      source: name of the set, for reports.
      kind: what its values mean, such as `all`.

    Raises:
      ShardError: the folder is there already.
    """

    def __init__(self, folder: Path, source: str, kind: str) -> None:
        if folder.exists():
            raise ShardError(f"expected a new folder for shards, got {folder}, which is there already")
        self._folder = folder
        self._partial: Path
        self._whole = ExitStack()
        self._manifest: dict[str, object] = {"source": source, "kind": kind}
        self._files: dict[str, IO[bytes]] = {}
        self.positions = 0
        self.moves = 0

    def __enter__(self) -> "ShardWriter":
        with ExitStack() as whole:
            self._partial = whole.enter_context(new_folder(self._folder))
            for name in _ARRAYS:
                self._files[name] = whole.enter_context((self._partial / f"{name}.npy").open("wb+"))
                self._write_header(name, 0)
            self._files["move_offsets"].write(np.zeros(1, np.int64).tobytes())
            self._whole = whole.pop_all()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error_type is not None:
            self._whole.__exit__(error_type, error, trace)
            return
        with self._whole:
            self._finish()

    def append(self, positions: np.ndarray, counts: np.ndarray, cells: np.ndarray, values: np.ndarray) -> None:
        """Appends positions with all their legal moves.

        Args:
          positions: int8 `[n, P]`.
          counts: integers `[n]`, the number of legal moves of each position.
          cells: `[sum(counts)]` policy cells.
          values: uint16 `[sum(counts)]`, expected scores times 65535.

        Raises:
          ShardError: the shapes do not fit each other.
        """
        moves = int(counts.sum(dtype=np.int64))
        fits = positions.shape == (len(counts), POSITION_SIZE)
        if not fits or cells.shape != (moves,) or values.shape != (moves,):
            raise ShardError(
                f"expected [{len(counts)}, {POSITION_SIZE}] positions and [{moves}] cells and "
                f"values, got {positions.shape}, {cells.shape} and {values.shape}"
            )
        offsets = self.moves + np.cumsum(counts, dtype=np.int64)
        rows = {
            "positions": positions,
            "move_offsets": offsets,
            "move_cells": cells,
            "move_values": values,
        }
        for name, array in rows.items():
            self._files[name].write(np.ascontiguousarray(array, _ARRAYS[name][0]).tobytes())
        self.positions += len(counts)
        self.moves += moves

    def describe(self, details: Mapping[str, object]) -> None:
        """Adds entries (JSON values) to the manifest, such as what was left out and why."""
        self._manifest.update(details)

    def _write_header(self, name: str, rows: int) -> None:
        dtype, tail = _ARRAYS[name]
        header = {
            "descr": np.lib.format.dtype_to_descr(dtype),
            "fortran_order": False,
            "shape": (rows, *tail),
        }
        # NumPy pads the header for 20 digits on the growing axis: rewriting it moves no data.
        self._files[name].seek(0)
        np.lib.format.write_array_header_1_0(self._files[name], header)

    def _finish(self) -> None:
        n, moves = self.positions, self.moves
        rows = {
            "positions": n,
            "move_offsets": n + 1,
            "move_cells": moves,
            "move_values": moves,
        }
        for name, file in self._files.items():
            self._write_header(name, rows[name])
            file.flush()
            os.fsync(file.fileno())
            file.close()
        manifest = {
            "format_version": FORMAT_VERSION,
            **self._manifest,
            "positions": n,
            "moves": moves,
            "value_scale": VALUE_SCALE,
            "sha256": {f"{name}.npy": _sha256(self._partial / f"{name}.npy") for name in _ARRAYS},
        }
        (self._partial / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


class Shards:
    """A packed set, memory-mapped.

    Attributes:
      folder: where it lies.
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
        self.folder = Path(folder)
        self.manifest = _read_manifest(self.folder)
        n, moves = self.manifest["positions"], self.manifest["moves"]
        self.positions = _read_array(self.folder, "positions", n)
        self.move_offsets = _read_array(self.folder, "move_offsets", n + 1)
        self.move_cells = _read_array(self.folder, "move_cells", moves)
        self.move_values = _read_array(self.folder, "move_values", moves)
        if self.move_offsets[0] != 0 or self.move_offsets[-1] != moves:
            raise ShardError(
                f"expected offsets from 0 to {moves} in {self.folder}, "
                f"got {self.move_offsets[0]} to {self.move_offsets[-1]}"
            )

    def __len__(self) -> int:
        return len(self.positions)

    def verify(self) -> None:
        """Reads every file and compares it with the manifest's sha256.

        Raises:
          ShardError: a file is not the one that was written.
        """
        for file_name, expected in self.manifest["sha256"].items():
            found = _sha256(self.folder / file_name)
            if found != expected:
                raise ShardError(f"expected sha256 {expected} for {self.folder / file_name}, got {found}")


def ranges(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Returns the numbers start..start + count - 1 of every range, one range after another, int64.

    Args:
      starts: integers `[n]`.
      counts: integers `[n]`, not negative.
    """
    ends = np.cumsum(counts)
    return np.repeat(starts - (ends - counts), counts) + np.arange(counts.sum())


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ShardError(f"expected a folder of shards with {MANIFEST}, got {folder}") from error
    except (OSError, ValueError) as error:
        raise ShardError(f"expected a readable JSON manifest, got {path}: {error}") from error
    version = manifest.get("format_version") if isinstance(manifest, dict) else None
    if version != FORMAT_VERSION:
        raise ShardError(f"expected format_version {FORMAT_VERSION} in {path}, got {version!r}")
    for key, wanted in {"positions": int, "moves": int, "sha256": dict}.items():
        if not isinstance(manifest.get(key), wanted):
            raise ShardError(f"expected {wanted.__name__} {key!r} in {path}, got {manifest.get(key)!r}")
    return dict(manifest)


def _read_array(folder: Path, name: str, rows: int) -> np.ndarray:
    dtype, tail = _ARRAYS[name]
    path = folder / f"{name}.npy"
    try:
        # An array without elements cannot be mapped.
        array = np.load(path, mmap_mode="r" if rows else None, allow_pickle=False)
    except FileNotFoundError as error:
        raise ShardError(f"expected {name}.npy in the shards {folder}, got no such file") from error
    except (OSError, ValueError, EOFError) as error:
        raise ShardError(f"expected an array of {rows} rows in {path}, got: {error}") from error
    if array.dtype != dtype or array.shape != (rows, *tail):
        raise ShardError(f"expected {dtype} {(rows, *tail)} in {path}, got {array.dtype} {array.shape}")
    return array


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
