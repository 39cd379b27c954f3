"""Packs text labels into shards: parses them in processes, drops duplicates, splits by game.

Positions count as the same when their encodings agree up to the en-passant square; clocks and
repetitions are ignored. Of equal positions the first in the input is kept, and the work is put
together in the order of the input: the output depends on the inputs alone, not on timing.
"""

import hashlib
import multiprocessing
import shutil
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from engine.encoding.position import HALF_MOVES, encode_position
from engine.files.skipped_entries import SkippedEntries
from training.labels.label_formats import LABEL_KINDS, LabelKind, read_boards
from training.packed.label_chunks import EncodedChunk, chunks_of_lines, encode_chunk
from training.packed.shards import MANIFEST, Shards, ShardWriter

SPLITS = ("train", "validation")
_CHUNKS_PER_PROCESS = 4  # bounds the memory: the input is read no faster than it is parsed


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
      unique_from: packed folders (or their parents) whose positions are left out.
      validation_percent: share of the groups that go to `validation`, 0..100.
      processes: parse the input; 1 parses in this process.
      strict: refuse inputs of which a line cannot be read; else such lines are left out and listed on standard error.
    """

    kind: LabelKind
    inputs: tuple[Path, ...]
    out: Path
    name: str
    exclude: tuple[Path, ...] = ()
    unique_from: tuple[Path, ...] = ()
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
      train: written for training.
      validation: written for validation.
      duplicate: left out because an equal position was packed before.
      excluded: left out because an excluded file shows them.
      forced: left out of puzzles because only one move is legal.
      unreadable: lines that could not be read.
    """

    train: int = 0
    validation: int = 0
    duplicate: int = 0
    excluded: int = 0
    forced: int = 0
    unreadable: int = 0

    @property
    def total(self) -> int:
        """All positions that were read."""
        return self.train + self.validation + self.duplicate + self.excluded + self.forced


Progress = Callable[[PackCounts, float], None]  # counts, and the share of the input read so far


def pack_labels(config: PackConfig, progress: Progress | None = None) -> PackCounts:
    """Packs files of labels into `out/train` and `out/validation`.

    Args:
      config: what to pack.
      progress: called after each chunk.

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
        excluded = {digest for path in config.exclude for digest in _excluded_digests(path)}
        seen = {digest for path in config.unique_from for digest in _packed_digests(path)}
        for packed, share in _packed_chunks(config):
            for fault in packed.faults:
                skipped.skip(fault)
            keep = _first_sights(packed, excluded, seen, counts)
            for writer, chosen in zip(
                writers, (keep & ~packed.in_validation, keep & packed.in_validation), strict=True
            ):
                _append(writer, packed, chosen)
            counts.train, counts.validation = (writer.positions for writer in writers)
            counts.unreadable = skipped.faults
            if progress is not None:
                progress(counts, share)
        if not counts.train + counts.validation:
            raise PackError(
                f"expected at least one position to pack, got none of {counts.total} that were read"
                + (f"; {skipped.summary()}" if skipped.faults else "")
            )
        for writer in writers:
            writer.describe(_provenance(config, counts))
    return counts


def _discard(out: Path, failure: type[BaseException] | None, *_: object) -> None:
    """Deletes the set that was finished before the other one failed."""
    if failure is not None:
        for split in SPLITS:
            shutil.rmtree(out / split, ignore_errors=True)
        with suppress(OSError):  # something else is in it
            out.rmdir()


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


def _first_sights(packed: EncodedChunk, excluded: set[int], seen: set[int], counts: PackCounts) -> np.ndarray:
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


def _append(writer: ShardWriter, packed: EncodedChunk, chosen: np.ndarray) -> None:
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
