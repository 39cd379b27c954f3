"""Packs text labels into shards: parses them in processes, drops duplicates, splits by game, shuffles.

Positions count as the same when their encodings agree up to the en-passant square; clocks and
repetitions are ignored. Of equal positions the first in the input is kept. They are written in the
order of their digests, so that any part of a set is a fair sample of it. The output depends on the
inputs alone, not on timing; memory does not grow with them (training/packed/position_runs.py).
"""

import hashlib
import multiprocessing
import shutil
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from engine.encoding.position import HALF_MOVES, POSITION_SIZE, encode_position
from engine.files.skipped_entries import SkippedEntries
from training.labels.label_formats import LABEL_KINDS, LabelKind, read_boards
from training.packed.block_order import BLOCK_ROWS
from training.packed.label_chunks import EncodedChunk, chunks_of_lines, encode_chunk
from training.packed.position_runs import KEY, PositionRuns, Rows, chosen_rows
from training.packed.ranged_shards import open_shards
from training.packed.shard_writer import ShardWriter
from training.packed.shards import DIGEST_ORDER, NoShardsError, PackedSet

SPLITS = ("train", "validation")
_CHUNKS_PER_PROCESS = 4  # bounds the memory: the input is read no faster than it is parsed
_POSITIONS_AT_ONCE = 1 << 14
_READING_SHARE = 0.95  # of the time; the rest goes into sorting
_EXCLUDED, _PACKED, _TRAIN, _VALIDATION = range(4)  # marks of rows


class PackError(ValueError):
    """The files cannot be packed; the text is one line."""


@dataclass(frozen=True, kw_only=True)
class PackConfig:
    """Files to pack, and positions to leave out.

    Attributes:
      kind: format of the input files.
      inputs: files of labels; the order matters where positions repeat.
      out: the folder to make; `train` and `validation` are written in it.
      name: the set's name in the manifests.
      exclude: files of labels whose positions are left out.
      unique_from: packed sets (or the folders above `train` and `validation`) whose positions are left out.
      validation_percent: share of the groups that go to `validation`, 0..100.
      processes: parse the input; 1 parses in this process.
      strict: refuse inputs of which a line cannot be read; else such lines are left out and listed on standard error.
    """

    kind: LabelKind
    inputs: tuple[Path, ...]
    out: Path
    name: str
    exclude: tuple[Path, ...] = ()
    unique_from: tuple[str | Path, ...] = ()
    validation_percent: float = 1.0
    processes: int = 2
    strict: bool = False

    def __post_init__(self) -> None:
        if self.kind not in LABEL_KINDS:
            raise PackError(f"expected a kind in {', '.join(LABEL_KINDS)}, got {self.kind!r}")
        if not self.inputs:
            raise PackError("expected at least one input file, got none")
        if not 0 <= self.validation_percent <= 100:
            raise PackError(f"expected a validation percentage in 0..100, got {self.validation_percent}")
        if self.processes < 1:
            raise PackError(f"expected at least 1 process, got {self.processes}")


@dataclass
class PackCounts:
    """Positions so far.

    Attributes:
      total: read.
      train: written for training.
      validation: written for validation.
      duplicate: left out because an equal position is packed.
      excluded: left out because an excluded file shows them.
      forced: left out of puzzles because only one move is legal.
      unreadable: lines that could not be read.
    """

    total: int = 0
    train: int = 0
    validation: int = 0
    duplicate: int = 0
    excluded: int = 0
    forced: int = 0
    unreadable: int = 0

    def left_out(self) -> str:
        """Says how many positions are left out for which reason."""
        return (
            f"{self.duplicate} duplicate, {self.excluded} excluded, {self.forced} forced, {self.unreadable} unreadable"
        )


Progress = Callable[[PackCounts, float], None]  # counts, and the share of the work done so far


def pack_labels(config: PackConfig, progress: Progress | None = None) -> PackCounts:
    """Packs files of labels into `out/train` and `out/validation`.

    Args:
      config: what to pack.
      progress: called now and then; most counts are known only at the end.

    Returns:
      How many positions were written and left out.

    Raises:
      ShardError: the output is there already, or a folder of `unique_from` is damaged.
      FileError: a file cannot be read, or a line is malformed and `strict`.
      PackError: a folder of `unique_from` holds no shards, or nothing is left to pack.
    """
    counts, skipped = PackCounts(), SkippedEntries(strict=config.strict)
    with ExitStack() as stack:
        writers = [ShardWriter(config.out / split, config.name, config.kind) for split in SPLITS]
        stack.push(partial(_discard, config.out))
        for writer in writers:
            stack.enter_context(writer)
        # Left last: the runs are deleted before the sets get their names.
        runs = stack.enter_context(PositionRuns(config.out / ".runs"))
        _add_known(runs, config)
        for packed, share in _packed_chunks(config):
            for fault in packed.faults:
                skipped.skip(fault)
            counts.total += len(packed.counts) + packed.forced
            counts.forced += packed.forced
            counts.unreadable = skipped.faults
            runs.add(_rows(packed))
            if progress is not None:
                progress(counts, _READING_SHARE * share)
        for rows, share in runs.sorted():
            _write(writers, rows, counts)
            if progress is not None:
                progress(counts, _READING_SHARE + (1 - _READING_SHARE) * share)
        if not counts.train + counts.validation:
            raise PackError(
                f"expected at least one position to pack, got none of {counts.total} that were read "
                f"(left out: {counts.left_out()})" + (f"; {skipped.summary()}" if skipped.faults else "")
            )
        for writer in writers:
            writer.describe({"order": DIGEST_ORDER, **_provenance(config, counts)})
    return counts


def _discard(out: Path, failure: type[BaseException] | None, *_: object) -> None:
    """Deletes the set that was finished before the other one failed."""
    if failure is not None:
        for split in SPLITS:
            shutil.rmtree(out / split, ignore_errors=True)
        with suppress(OSError):  # something else is in it
            out.rmdir()


def position_digests(positions: np.ndarray) -> np.ndarray:
    """Returns 64-bit digests of encoded positions, uint64 `[n]`, blind to clocks and repetitions.

    Args:
      positions: int8 `[n, P]`.
    """
    rows = np.ascontiguousarray(positions[:, :HALF_MOVES]).tobytes()
    starts = range(0, len(rows), HALF_MOVES)
    digests = b"".join(hashlib.blake2b(rows[i : i + HALF_MOVES], digest_size=8).digest() for i in starts)
    return np.frombuffer(digests, ">u8").astype(np.uint64)


def _packed_chunks(config: PackConfig) -> Iterator[tuple[EncodedChunk, float]]:
    """Yields the encoded chunks in the order of the input."""
    chunks = chunks_of_lines(config.inputs, config.kind)
    arguments = (config.kind, config.validation_percent)
    if config.processes == 1:
        for chunk in chunks:
            yield encode_chunk(chunk, *arguments), chunk.share
        return
    # Spawned, not forked: forking is unsafe in a program that has threads (as under JAX).
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(config.processes, context) as pool:
        waiting: deque[tuple[Future[EncodedChunk], float]] = deque()
        try:
            for chunk in chunks:
                waiting.append((pool.submit(encode_chunk, chunk, *arguments), chunk.share))
                if len(waiting) >= _CHUNKS_PER_PROCESS * config.processes:
                    future, share = waiting.popleft()
                    yield future.result(), share
            while waiting:
                future, share = waiting.popleft()
                yield future.result(), share
        finally:
            pool.shutdown(cancel_futures=True)


def _rows(packed: EncodedChunk) -> Rows:
    keys = np.empty(len(packed.counts), KEY)
    keys["digest"] = position_digests(packed.positions)
    keys["sightings"] = 1
    keys["mark"] = np.where(packed.in_validation, _VALIDATION, _TRAIN)
    keys["moves"] = packed.counts
    return Rows(keys, packed.positions, np.stack([packed.cells, packed.values], axis=1))


def _add_known(runs: PositionRuns, config: PackConfig) -> None:
    """Adds the positions that are to be left out, before all others: of equal rows the first counts."""
    for path in config.exclude:
        boards = read_boards(path)
        # A board is only valid until the next one.
        while positions := [encode_position(board) for board in islice(boards, _POSITIONS_AT_ONCE)]:
            runs.add(_known(np.stack(positions), _EXCLUDED))
    for place in config.unique_from:
        for packed in _packed_sets(str(place)):
            for first in range(0, len(packed), BLOCK_ROWS):
                rows = packed.read(np.arange(first, min(first + BLOCK_ROWS, len(packed))))
                runs.add(_known(rows.positions, _PACKED))


def _known(positions: np.ndarray, mark: int) -> Rows:
    keys = np.zeros(len(positions), KEY)
    keys["digest"], keys["mark"] = position_digests(positions), mark
    return Rows(keys, np.zeros((0, POSITION_SIZE), np.int8), np.zeros((0, 2), np.uint16))


def _write(writers: Sequence[ShardWriter], rows: Rows, counts: PackCounts) -> None:
    marks, sightings = rows.keys["mark"], rows.keys["sightings"].astype(np.int64)
    for writer, mark in zip(writers, (_TRAIN, _VALIDATION), strict=True):
        kept = chosen_rows(rows, np.flatnonzero(marks == mark))
        writer.append(kept.positions, kept.keys["moves"], kept.moves[:, 0], kept.moves[:, 1])
    counts.train, counts.validation = (writer.positions for writer in writers)
    counts.excluded += int(sightings[marks == _EXCLUDED].sum())
    counts.duplicate += int(sightings[marks != _EXCLUDED].sum() - np.count_nonzero(marks >= _TRAIN))


def _packed_sets(place: str) -> list[PackedSet]:
    sets = []
    for each in (place, *(f"{place}/{split}" for split in SPLITS)):
        try:
            sets.append(open_shards(each))
        except NoShardsError:
            if each != place and Path(each).is_dir():
                raise
    if not sets:
        raise PackError(f"expected a packed folder with {' or '.join(SPLITS)}, got {place}")
    return sets


def _provenance(config: PackConfig, counts: PackCounts) -> dict[str, object]:
    return {
        "inputs": [path.name for path in config.inputs],
        "excluded_files": [path.name for path in config.exclude],
        "unique_from": [str(place).rstrip("/").rpartition("/")[2] for place in config.unique_from],
        "validation_percent": config.validation_percent,
        "left_out": {
            "duplicate": counts.duplicate,
            "excluded": counts.excluded,
            "forced": counts.forced,
        },
    }
