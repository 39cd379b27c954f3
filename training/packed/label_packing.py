"""Text labels to packed shards: parsed in processes, freed of duplicates, split by game.

Positions count as the same when their encodings agree up to the en-passant square; clocks and
repetitions are ignored. Of equal positions the first in the input is kept, and the work is put
together in the order of the input: the output depends on the inputs alone, not on timing.
"""

import hashlib
import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from engine.encoding.move_labels import move_to_cell
from engine.encoding.position import HALF_MOVES, POSITION_SIZE, encode_position
from training.labels.label_formats import (
    LABEL_KINDS,
    LabelError,
    LabelKind,
    open_binary,
    parse_lines,
    read_boards,
    read_lines,
)
from training.packed.shards import MANIFEST, VALUE_SCALE, Shards, ShardWriter

LINES_PER_CHUNK = 1000
SPLITS = ("train", "validation")
_CHUNKS_PER_WORKER = 4  # bounds the memory: the input is read no faster than it is parsed
_SPLIT_STEPS = 10_000


class PackError(ValueError):
    """What should be packed cannot be; the text is one line."""


@dataclass(frozen=True, kw_only=True)
class PackConfig:
    """What to pack, and what to leave out.

    Attributes:
      kind: format of the input files.
      inputs: files of labels; the order matters where positions repeat.
      out: the folder to make; `train` and `validation` are written in it.
      name: the set's name in the manifests.
      exclude: files of labels whose positions are left out.
      unique_from: packed folders (or their parents) whose positions are left out.
      validation_percent: share of the groups that go to `validation`, 0..100.
      workers: parsing processes; 1 parses in this process.
    """

    kind: LabelKind
    inputs: tuple[Path, ...]
    out: Path
    name: str
    exclude: tuple[Path, ...] = ()
    unique_from: tuple[Path, ...] = ()
    validation_percent: float = 1.0
    workers: int = 1

    def __post_init__(self) -> None:
        if self.kind not in LABEL_KINDS:
            raise PackError(f"expected a kind in {', '.join(LABEL_KINDS)}, got {self.kind!r}")
        if not self.inputs:
            raise PackError("expected at least one input file, got none")
        if not 0 <= self.validation_percent <= 100:
            raise PackError(f"expected a validation percentage in 0..100, got {self.validation_percent}")
        if self.workers < 1:
            raise PackError(f"expected at least 1 worker, got {self.workers}")


@dataclass
class PackCounts:
    """Positions so far.

    Attributes:
      train: written for training.
      validation: written for validation.
      duplicate: left out because an equal position was packed before.
      excluded: left out because an excluded file shows them.
      forced: left out of puzzles because only one move is legal.
    """

    train: int = 0
    validation: int = 0
    duplicate: int = 0
    excluded: int = 0
    forced: int = 0

    @property
    def total(self) -> int:
        """All positions that were read."""
        return self.train + self.validation + self.duplicate + self.excluded + self.forced


Progress = Callable[[PackCounts, float], None]  # counts, and the share of the input read so far


class _Lines(NamedTuple):
    """Consecutive lines of one file, and the share of all input before their end."""

    name: str
    first_line: int
    lines: list[bytes]
    share: float


class _Packed(NamedTuple):
    """Encoded positions of one chunk; the moves of all positions follow one another."""

    positions: np.ndarray  # int8 [n, P]
    counts: np.ndarray  # int64 [n]
    cells: np.ndarray  # uint16 [moves]
    values: np.ndarray  # uint16 [moves]
    in_validation: np.ndarray  # bool [n]
    forced: int


def pack_labels(config: PackConfig, progress: Progress | None = None) -> PackCounts:
    """Packs files of labels into `out/train` and `out/validation`.

    Args:
      config: what to pack.
      progress: called after each chunk.

    Returns:
      How many positions were written and left out.

    Raises:
      ShardError: the output is there already, or a folder of `unique_from` is damaged.
      LabelError: a file cannot be read or a line is malformed.
      PackError: a folder of `unique_from` holds no shards, or nothing is left to pack.
    """
    counts = PackCounts()
    with ExitStack() as stack:
        writers = [stack.enter_context(ShardWriter(config.out / split, config.name, config.kind)) for split in SPLITS]
        excluded = {digest for path in config.exclude for digest in _excluded_digests(path)}
        seen = {digest for path in config.unique_from for digest in _packed_digests(path)}
        for packed, share in _packed_chunks(config):
            keep = _first_sights(packed, excluded, seen, counts)
            for writer, chosen in zip(
                writers, (keep & ~packed.in_validation, keep & packed.in_validation), strict=True
            ):
                _append(writer, packed, chosen)
            counts.train, counts.validation = (writer.positions for writer in writers)
            if progress is not None:
                progress(counts, share)
        if not counts.train + counts.validation:
            raise PackError(f"expected at least one position to pack, got none of {counts.total} that were read")
        for writer in writers:
            writer.describe(_provenance(config, counts))
    return counts


def is_validation_group(group: str, validation_percent: float) -> bool:
    """Returns whether a game's positions belong to the validation part, from its name alone."""
    digest = hashlib.blake2b(group.encode(), digest_size=8).digest()
    return int.from_bytes(digest) % _SPLIT_STEPS < validation_percent / 100 * _SPLIT_STEPS


def position_digests(positions: np.ndarray) -> list[int]:
    """Returns 64-bit digests of encoded positions, blind to clocks and repetitions.

    Args:
      positions: int8 `[n, P]`.
    """
    rows = np.ascontiguousarray(positions[:, :HALF_MOVES]).tobytes()
    return [
        int.from_bytes(hashlib.blake2b(rows[i : i + HALF_MOVES], digest_size=8).digest())
        for i in range(0, len(rows), HALF_MOVES)
    ]


def _packed_chunks(config: PackConfig) -> Iterator[tuple[_Packed, float]]:
    """Yields the encoded chunks in the order of the input."""
    chunks = _chunks_of_lines(config.inputs)
    arguments = (config.kind, config.validation_percent)
    if config.workers == 1:
        for chunk in chunks:
            yield _encode(chunk, *arguments), chunk.share
        return
    # Spawned, not forked: forking is unsafe in a program that has threads (as under JAX).
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(config.workers, context) as pool:
        waiting: deque[tuple[Future[_Packed], float]] = deque()
        try:
            for chunk in chunks:
                waiting.append((pool.submit(_encode, chunk, *arguments), chunk.share))
                if len(waiting) >= _CHUNKS_PER_WORKER * config.workers:
                    future, share = waiting.popleft()
                    yield future.result(), share
            while waiting:
                future, share = waiting.popleft()
                yield future.result(), share
        finally:
            pool.shutdown(cancel_futures=True)


def _chunks_of_lines(inputs: Iterable[Path]) -> Iterator[_Lines]:
    paths = tuple(inputs)
    total_bytes = max(sum(_size(path) for path in paths), 1)
    bytes_before = 0
    for path in paths:
        file, stored = open_binary(path)
        with stored:
            lines = read_lines(file, path)
            first_line = 1
            while chunk := list(islice(lines, LINES_PER_CHUNK)):
                share = (bytes_before + stored.tell()) / total_bytes
                yield _Lines(str(path), first_line, chunk, share)
                first_line += len(chunk)
        bytes_before += _size(path)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise LabelError(f"expected a file of labels, got {path}: {error.strerror}") from error


def _encode(chunk: _Lines, kind: LabelKind, validation_percent: float) -> _Packed:
    positions, counts, values, in_validation = [], [], [], []
    cells: list[int] = []
    forced = 0
    for labelled in parse_lines(kind, chunk.name, chunk.first_line, chunk.lines):
        if kind == "puzzles" and len(labelled.moves) == 1:
            forced += 1
            continue
        positions.append(encode_position(labelled.board))
        counts.append(len(labelled.moves))
        cells.extend(move_to_cell(labelled.board, move) for move in labelled.moves)
        values.append(np.rint(labelled.values * VALUE_SCALE).astype(np.uint16))
        in_validation.append(is_validation_group(labelled.group, validation_percent))
    return _Packed(
        positions=np.array(positions, np.int8).reshape(-1, POSITION_SIZE),
        counts=np.array(counts, np.int64),
        cells=np.array(cells, np.uint16),
        values=np.concatenate([np.zeros(0, np.uint16), *values]),
        in_validation=np.array(in_validation, bool),
        forced=forced,
    )


def _first_sights(packed: _Packed, excluded: set[int], seen: set[int], counts: PackCounts) -> np.ndarray:
    """Returns which positions to keep, bool `[n]`, and adds them to `seen`."""
    keep = np.zeros(len(packed.counts), bool)
    for index, digest in enumerate(position_digests(packed.positions)):
        if digest in excluded:
            counts.excluded += 1
        elif digest in seen:
            counts.duplicate += 1
        else:
            keep[index] = True
            seen.add(digest)
    counts.forced += packed.forced
    return keep


def _append(writer: ShardWriter, packed: _Packed, chosen: np.ndarray) -> None:
    moves = np.repeat(chosen, packed.counts)
    writer.append(packed.positions[chosen], packed.counts[chosen], packed.cells[moves], packed.values[moves])


def _excluded_digests(path: Path) -> Iterator[int]:
    for board in read_boards(path):
        yield from position_digests(encode_position(board)[None])


def _packed_digests(folder: Path) -> Iterator[int]:
    folders = [folder] if (folder / MANIFEST).is_file() else [folder / split for split in SPLITS]
    folders = [place for place in folders if place.is_dir()]
    if not folders:
        raise PackError(f"expected a packed folder with {' or '.join(SPLITS)}, got {folder}")
    for place in folders:
        yield from position_digests(Shards(place).positions)


def _provenance(config: PackConfig, counts: PackCounts) -> dict[str, object]:
    return {
        "inputs": [path.name for path in config.inputs],
        "excluded_files": [path.name for path in config.exclude],
        "unique_from": [path.name for path in config.unique_from],
        "validation_percent": config.validation_percent,
        "left_out": {
            "duplicate": counts.duplicate,
            "excluded": counts.excluded,
            "forced": counts.forced,
        },
    }
