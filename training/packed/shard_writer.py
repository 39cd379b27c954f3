"""Writes packed sets; a folder appears under its name only when it is complete."""

import json
import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np

from engine.encoding.position import POSITION_SIZE
from engine.files.new_folder import new_folder
from training.packed.shards import ARRAYS, FORMAT_VERSION, MANIFEST, VALUE_SCALE, ShardError, array_rows, sha256_of


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
            raise ShardError(f"expected a new folder for a packed set, got {folder}, which is there already")
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
            for name in ARRAYS:
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
            self._files[name].write(np.ascontiguousarray(array, ARRAYS[name][0]).tobytes())
        self.positions += len(counts)
        self.moves += moves

    def describe(self, details: Mapping[str, object]) -> None:
        """Adds entries (JSON values) to the manifest, such as what was left out and why."""
        self._manifest.update(details)

    def _write_header(self, name: str, rows: int) -> None:
        dtype, tail = ARRAYS[name]
        header = {
            "descr": np.lib.format.dtype_to_descr(dtype),
            "fortran_order": False,
            "shape": (rows, *tail),
        }
        # NumPy pads the header for 20 digits on the growing axis: rewriting it moves no data.
        self._files[name].seek(0)
        np.lib.format.write_array_header_1_0(self._files[name], header)

    def _finish(self) -> None:
        counts = {"positions": self.positions, "moves": self.moves}
        rows = array_rows(counts)
        for name, file in self._files.items():
            self._write_header(name, rows[name])
            file.flush()
            os.fsync(file.fileno())
            file.close()
        manifest = {
            "format_version": FORMAT_VERSION,
            **self._manifest,
            **counts,
            "value_scale": VALUE_SCALE,
            "sha256": {f"{name}.npy": sha256_of(self._partial / f"{name}.npy") for name in ARRAYS},
        }
        (self._partial / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
