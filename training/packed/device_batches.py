"""Batches for the learner: prefetched on the host, or read from packed sets that lie on the device.

On an accelerator the host only draws which positions a batch is made of, a few bytes a row; what they say, their mirror
images and their targets are read and computed where they are needed. On a CPU that would save nothing.
"""

from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from typing import NamedTuple, TypeVar

import chex
import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from engine.encoding.move_labels import CELLS
from engine.encoding.position import POSITION_SIZE
from training.packed.batches import BatchStream, check_move_counts, dense_targets, target_logits
from training.packed.mirroring import can_be_mirrored, mirror_cells, mirror_positions
from training.packed.shards import VALUE_SCALE


class DeviceBatch(NamedTuple):
    """A batch as the learner takes it."""

    positions: jax.Array  # [B, P] int8
    target: jax.Array  # [B, Z] float32, the teacher's policy
    legal: jax.Array  # [B, Z] bool
    score: jax.Array  # [B] float32, expected score of the best move
    score_weight: jax.Array  # [B] float32, 0 where the score is not known


class HostBatches:
    """The batches of a stream with their targets; `batches(i)` is batch i.

    Args:
      stream: reads the positions.
      has_scores: `[sources]`, 0 for a source whose values only mark the solution.
      logit_weight: as for `dense_targets`.
    """

    def __init__(self, stream: BatchStream, has_scores: np.ndarray, logit_weight: float) -> None:
        self._stream, self._has_scores, self._logit_weight = stream, has_scores, logit_weight

    def __call__(self, index: int) -> DeviceBatch:
        """Returns batch `index`, counted from 0."""
        batch = self._stream(index)
        target, legal = dense_targets(batch, self._stream.taus, self._logit_weight)
        score = np.max(batch.values, axis=1)
        arrays = (batch.positions, target, legal, score, self._has_scores[batch.source])
        return DeviceBatch(*jax.device_put(arrays))


_MEMORY_SHARE = 0.25  # of the device's, that packed sets may take


def make_batches(stream: BatchStream, has_scores: np.ndarray, logit_weight: float) -> Callable[[int], DeviceBatch]:
    """Returns the batches of a stream, made on the device if it is an accelerator with room for the sets.

    Args:
      stream: draws them.
      has_scores: `[sources]`, 0 for a source whose values only mark the solution.
      logit_weight: as for `dense_targets`.
    """
    device = jax.local_devices()[0]
    limit = (device.memory_stats() or {}).get("bytes_limit", 0) if jax.default_backend() != "cpu" else 0
    is_host = _size(stream) > _MEMORY_SHARE * limit or _moves(stream) > np.iinfo(np.int32).max
    return (HostBatches if is_host else ResidentBatches)(stream, has_scores, logit_weight)


def _moves(stream: BatchStream) -> int:
    return sum(len(source.shards.move_cells) for source in stream.sources)


def _size(stream: BatchStream) -> int:
    """Returns the bytes that the sets take on the device."""
    return 4 * _moves(stream) + sum(len(source.shards) * (POSITION_SIZE + 4) for source in stream.sources)


class ResidentSets(struct.PyTreeNode):
    """The packed sets of a stream, concatenated, R positions in all."""

    positions: jax.Array  # [R, P] int8
    move_offsets: jax.Array  # [R + 1] int32
    move_cells: jax.Array  # [moves] int16
    move_values: jax.Array  # [moves] uint16
    taus: jax.Array  # [sources] float32
    has_scores: jax.Array  # [sources] float32, 0 where the values are no scores


class ResidentBatches:
    """The batches of a stream, made on the device from sets that are kept there; `batches(i)` is batch i.

    Args:
      stream: draws them.
      has_scores: `[sources]`, 0 for a source whose values only mark the solution.
      logit_weight: as for `dense_targets`.

    Raises:
      BatchError: a position has more legal moves than the stream allows.
    """

    def __init__(self, stream: BatchStream, has_scores: np.ndarray, logit_weight: float) -> None:
        shards = [source.shards for source in stream.sources]
        for part in shards:
            check_move_counts(np.diff(part.move_offsets), np.arange(len(part)), part, stream.max_moves)
        counts = np.concatenate([np.diff(part.move_offsets) for part in shards])
        self._stream = stream
        self._first_items = np.cumsum([0, *(len(part) for part in shards[:-1])])
        self._sets = ResidentSets(
            positions=jnp.asarray(np.concatenate([part.positions for part in shards])),
            move_offsets=jnp.asarray(np.append(0, np.cumsum(counts)), jnp.int32),
            move_cells=jnp.asarray(np.concatenate([part.move_cells for part in shards]).view(np.int16)),
            move_values=jnp.asarray(np.concatenate([part.move_values for part in shards])),
            taus=jnp.asarray(stream.taus),
            has_scores=jnp.asarray(has_scores, jnp.float32),
        )
        self._read = jax.jit(partial(read_batch, most_moves=int(counts.max()), logit_weight=logit_weight))

    def __call__(self, index: int) -> DeviceBatch:
        """Returns batch `index`, counted from 0; the same as the host's, but for the rounding of its targets."""
        draw = self._stream.draw(index)
        items = (draw.items + self._first_items[draw.source]).astype(np.int32)
        return self._read(self._sets, items, draw.source, draw.flips)


def read_batch(
    sets: ResidentSets, items: jax.Array, source: jax.Array, flips: jax.Array, *, most_moves: int, logit_weight: float
) -> DeviceBatch:
    """Reads positions, mirrors some of them, and spreads their targets over the policy cells.

    Args:
      sets: where they lie.
      items: int32 `[B]`, rows of the sets.
      source: int8 `[B]`, the set of each.
      flips: bool `[B]`, whether to mirror it.
      most_moves: L, at least the most legal moves of a position.
      logit_weight: as for `training.packed.batches.dense_targets`.

    Returns:
      The batch.
    """
    chex.assert_equal_shape([items, source, flips])
    positions = sets.positions[items]
    starts = sets.move_offsets[items]
    columns = jnp.arange(most_moves, dtype=jnp.int32)[None]
    is_move = columns < (sets.move_offsets[items + 1] - starts)[:, None]  # [B, L]
    places = jnp.where(is_move, starts[:, None] + columns, 0)
    is_mirrored = flips & can_be_mirrored(positions)
    positions = jnp.where(is_mirrored[:, None], mirror_positions(positions), positions)
    cells = sets.move_cells[places].astype(jnp.int32)
    cells = jnp.where(is_mirrored[:, None], mirror_cells(cells), cells)
    values = sets.move_values[places].astype(jnp.float32) * np.float32(1 / VALUE_SCALE)
    logits = target_logits(values, sets.taus[source][:, None], logit_weight)
    target = jax.nn.softmax(logits, axis=1, where=is_move)
    rows = jnp.arange(len(items), dtype=jnp.int32)[:, None]
    beyond = jnp.where(is_move, cells, CELLS)  # dropped
    blank = jnp.zeros((len(items), CELLS))
    return DeviceBatch(
        positions=positions,
        target=blank.at[rows, beyond].set(target, mode="drop"),
        legal=blank.astype(bool).at[rows, beyond].set(True, mode="drop"),
        score=jnp.max(jnp.where(is_move, values, 0.0), axis=1),
        score_weight=sets.has_scores[source],
    )


ItemT = TypeVar("ItemT")


def prefetch(stream: Callable[[int], ItemT], start: int, depth: int) -> Generator[ItemT, None, None]:
    """Yields stream(start), stream(start + 1), ... without end, made ahead by one thread.

    The thread starts with the first item asked for and ends when the iterator is closed or dropped.

    Args:
      stream: makes item number i; only the thread calls it.
      start: number of the first item.
      depth: how many items may wait beside the one that is being made, at least 1.

    Raises:
      Exception: whatever `stream` raised, at the place of the item it could not make.
    """
    if depth < 1:
        raise ValueError(f"expected a prefetch depth >= 1, got {depth}")
    return _items(stream, start, depth)


def _items(stream: Callable[[int], ItemT], start: int, depth: int) -> Generator[ItemT, None, None]:
    numbers = count(start)
    # Its thread is joined: one that is still inside XLA when the interpreter exits would crash the process.
    executor = ThreadPoolExecutor(1, thread_name_prefix="prefetch")
    try:
        pending = deque(executor.submit(stream, next(numbers)) for _ in range(depth + 1))
        while True:
            item = pending.popleft().result()
            pending.append(executor.submit(stream, next(numbers)))
            yield item
    finally:
        executor.shutdown(cancel_futures=True)
