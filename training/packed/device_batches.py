"""Batches for the learner: made on the host, or read from packed sets that lie on the devices.

A batch is divided over the devices of a mesh, device d of n holding its d-th n-th; the whole is the same for every
number of devices. On accelerators the host only draws which positions a batch is made of, a few bytes a row; what they
say, their mirror images and their targets are read and computed where they are needed. On a CPU that would save
nothing.
"""

import abc
from collections.abc import Iterator
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec

from engine.encoding.move_labels import CELLS
from engine.encoding.position import POSITION_SIZE
from training.packed.batches import BatchStream, Draw, check_move_counts, dense_targets, target_logits
from training.packed.mirroring import can_be_mirrored, mirror_cells, mirror_positions
from training.packed.shards import VALUE_SCALE, PackedSet
from training.runs.device_mesh import DATA, check_divides, copied, divided, from_parts, place


class DeviceBatch(NamedTuple):
    """A batch as the learner takes it."""

    positions: jax.Array  # [B, P] int8
    target: jax.Array  # [B, Z] float32, the teacher's policy
    legal: jax.Array  # [B, Z] bool
    score: jax.Array  # [B] float32, expected score of the best move
    score_weight: jax.Array  # [B] float32, 0 where the score is not known


class Batches(abc.ABC):
    """The batches of a stream, made in two stages; `batches(i)` is batch i, counted from 0."""

    def __call__(self, index: int) -> DeviceBatch:
        """Returns batch `index`."""
        return self.finished(self.prepared(index))

    @abc.abstractmethod
    def prepared(self, index: int) -> Any:
        """Returns batch `index` as far as the host makes it; any thread may call this."""

    @abc.abstractmethod
    def finished(self, prepared: Any) -> DeviceBatch:
        """Returns the whole batch; devices may exchange its rows, so only the thread of the updates calls this."""


class HostBatches(Batches):
    """The batches of a stream, made on the host; each process makes the rows of its own devices.

    Args:
      stream: reads the positions.
      has_scores: `[sources]`, 0 for a source whose values only mark the solution.
      logit_weight: as for `dense_targets`.
      mesh: the devices.
    """

    def __init__(self, stream: BatchStream, has_scores: np.ndarray, logit_weight: float, mesh: Mesh) -> None:
        check_divides(mesh, stream.batch_size, "batch_size")
        self._stream, self._has_scores, self._logit_weight, self._mesh = stream, has_scores, logit_weight, mesh

    def prepared(self, index: int) -> DeviceBatch:
        """Returns batch `index`, which needs no exchange."""
        draw = self._stream.draw(index)
        return from_parts(lambda rows: self._rows(draw, rows), self._stream.batch_size, self._mesh)

    def finished(self, prepared: DeviceBatch) -> DeviceBatch:
        """Returns the batch as it is."""
        return prepared

    def _rows(self, draw: Draw, rows: slice) -> DeviceBatch:
        batch = self._stream.read(Draw(*(each[rows] for each in draw)))
        target, legal = dense_targets(batch, self._stream.taus, self._logit_weight)
        score = np.max(batch.values, axis=1)
        arrays: Any = (batch.positions, target, legal, score, self._has_scores[batch.source])
        return DeviceBatch(*arrays)  # still on the host


_MEMORY_SHARE = 0.25  # of a device's, that its part of the packed sets may take


def make_batches(stream: BatchStream, has_scores: np.ndarray, logit_weight: float, mesh: Mesh) -> Batches:
    """Returns the batches of a stream, made on the devices if those are accelerators with room for the sets.

    Args:
      stream: draws them.
      has_scores: `[sources]`, 0 for a source whose values only mark the solution.
      logit_weight: as for `dense_targets`.
      mesh: the devices.

    Raises:
      ValueError: a batch cannot be divided equally among the devices.
    """
    device = jax.local_devices()[0]
    limit = (device.memory_stats() or {}).get("bytes_limit", 0) if jax.default_backend() != "cpu" else 0
    parts = _SetParts(stream, mesh.size)
    is_host = parts.size() > _MEMORY_SHARE * limit or parts.moves > np.iinfo(np.int32).max
    return (HostBatches if is_host else ResidentBatches)(stream, has_scores, logit_weight, mesh)


class _SetRows(NamedTuple):
    """Rows of packed sets, R of them."""

    positions: Any  # [R, P] int8
    move_offsets: Any  # [R + 1] int32
    moves: Any  # [moves] uint32, the cell in the lower 16 bits and the value in the upper


class _SetParts:
    """The packed sets of a stream, concatenated and cut into parts of equally many rows.

    Attributes:
      first_items: `[sources]`, the row at which each set begins.
      rows: of each part; the last may have fewer.
      moves: most of a part.
    """

    def __init__(self, stream: BatchStream, parts: int) -> None:
        self._shards = [source.shards for source in stream.sources]
        ends = np.cumsum([0, *map(len, self._shards)])
        self.first_items = ends[:-1]
        self.rows = -(-int(ends[-1]) // parts)
        self.moves = max(map(self._moves, range(parts)))

    def size(self) -> int:
        """Returns the bytes of the largest part."""
        return int(4 * self.moves + self.rows * (POSITION_SIZE + 4))

    def read(self, part: int) -> _SetRows:
        """Reads a part, filled up with zeros to the size of the largest."""
        positions = np.zeros((self.rows, POSITION_SIZE), np.int8)
        counts = np.zeros(self.rows, np.int32)
        moves = np.zeros(self.moves, np.uint32)
        row = move = 0
        for shards, first, end in self._pieces(part):
            offsets = shards.move_offsets[first : end + 1]
            size, of_moves = end - first, slice(int(offsets[0]), int(offsets[-1]))
            positions[row : row + size] = shards.positions[first:end]
            counts[row : row + size] = np.diff(offsets)
            into = moves[move : move + of_moves.stop - of_moves.start]
            into[:] = shards.move_values[of_moves]
            into <<= 16
            into |= shards.move_cells[of_moves]
            row, move = row + size, move + len(into)
        return _SetRows(positions, np.append(0, np.cumsum(counts)).astype(np.int32), moves)

    def _moves(self, part: int) -> int:
        # Single offsets: all of those of a set on another machine would be too much to read for a size.
        return sum(
            int(shards.move_offsets[end : end + 1][0] - shards.move_offsets[first : first + 1][0])
            for shards, first, end in self._pieces(part)
        )

    def _pieces(self, part: int) -> Iterator[tuple[PackedSet, int, int]]:
        """Yields each set that a part has rows of, the first of those rows and the one after the last."""
        for shards, begin in zip(self._shards, self.first_items, strict=True):
            first, end = (int(np.clip(at * self.rows - begin, 0, len(shards))) for at in (part, part + 1))
            if first < end:
                yield shards, first, end


class ResidentBatches(Batches):
    """The batches of a stream, made on the devices, each of which keeps an equal part of the sets.

    A batch is drawn from all rows, as everywhere. Every device looks up those that it has, and the devices exchange
    them, about a kilobyte a row, so that each gets its part of the batch.

    Args:
      stream: draws them.
      has_scores: `[sources]`, 0 for a source whose values only mark the solution.
      logit_weight: as for `dense_targets`.
      mesh: the devices.

    Raises:
      BatchError: a position has more legal moves than the stream allows.
    """

    def __init__(self, stream: BatchStream, has_scores: np.ndarray, logit_weight: float, mesh: Mesh) -> None:
        check_divides(mesh, stream.batch_size, "batch_size")
        most_moves = 0
        for source in stream.sources:
            counts = np.diff(np.asarray(source.shards.move_offsets))
            check_move_counts(counts, np.arange(len(counts)), source.shards, stream.max_moves)
            most_moves = max(most_moves, int(counts.max()))
        parts = _SetParts(stream, mesh.size)
        self._stream, self._first_items, self._mesh = stream, parts.first_items, mesh
        self._sets = from_parts(lambda part: parts.read(part.start or 0), mesh.size, mesh)
        taus, known = stream.taus, np.asarray(has_scores, np.float32)

        def read(sets: _SetRows, items: jax.Array, source: jax.Array, flips: jax.Array) -> DeviceBatch:
            rows = _exchanged_rows(sets, items, most_moves)
            return _spread(rows, flips, jnp.asarray(taus)[source], jnp.asarray(known)[source], logit_weight)

        specs = PartitionSpec(DATA), PartitionSpec(), PartitionSpec(DATA), PartitionSpec(DATA)
        self._read = jax.jit(
            jax.shard_map(read, mesh=mesh, in_specs=specs, out_specs=PartitionSpec(DATA), check_vma=False)
        )

    def prepared(self, index: int) -> Draw:
        """Returns which positions make up batch `index`, on the devices."""
        draw = self._stream.draw(index)
        items = (draw.items + self._first_items[draw.source]).astype(np.int32)
        parts = divided(self._mesh)
        return Draw(*place((items, draw.source, draw.flips), (copied(self._mesh), parts, parts)))

    def finished(self, prepared: Draw) -> DeviceBatch:
        """Returns the batch; the same as the host's, but for the rounding of its targets."""
        return self._read(self._sets, *prepared)


class _Rows(NamedTuple):
    """Rows of a batch, R of them, with up to L moves each."""

    positions: jax.Array  # [R, P] int8
    counts: jax.Array  # [R] int32, of moves
    moves: jax.Array  # [R, L] uint32, as in `_SetRows`, then 0


def _exchanged_rows(sets: _SetRows, items: jax.Array, most_moves: int) -> _Rows:
    """Returns this device's part of a batch, each row of which lies on some device.

    Args:
      sets: the rows of this device.
      items: int32 `[B]`, rows of the parts of all devices.
      most_moves: L, at least the most legal moves of a position.
    """
    size = len(sets.positions)
    places = items - jax.lax.axis_index(DATA) * size
    is_here = (places >= 0) & (places < size)
    places = jnp.where(is_here, places, 0)
    starts = sets.move_offsets[places]
    counts = jnp.where(is_here, sets.move_offsets[places + 1] - starts, 0)
    columns = jnp.arange(most_moves, dtype=jnp.int32)[None]
    is_move = columns < counts[:, None]  # [B, L]
    moves = jnp.where(is_move, sets.moves[jnp.where(is_move, starts[:, None] + columns, 0)], 0)
    positions = jnp.where(is_here[:, None], sets.positions[places], 0)
    # Zeros elsewhere: a sum over the devices is the row of the one that has it.
    return jax.lax.psum_scatter(_Rows(positions, counts, moves), DATA, tiled=True)


def _spread(
    rows: _Rows, flips: jax.Array, taus: jax.Array, score_weight: jax.Array, logit_weight: float
) -> DeviceBatch:
    """Mirrors some positions and spreads their targets over the policy cells.

    Args:
      rows: R of them.
      flips: bool `[R]`, whether to mirror each.
      taus: `[R]`, temperatures.
      score_weight: `[R]`, 0 where the values are no scores.
      logit_weight: as for `training.packed.batches.dense_targets`.
    """
    chex.assert_equal_shape([flips, taus, score_weight])
    positions, size = rows.positions, len(flips)
    is_move = jnp.arange(rows.moves.shape[1])[None] < rows.counts[:, None]  # [R, L]
    is_mirrored = flips & can_be_mirrored(positions)
    positions = jnp.where(is_mirrored[:, None], mirror_positions(positions), positions)
    cells = (rows.moves & 0xFFFF).astype(jnp.int32)
    cells = jnp.where(is_mirrored[:, None], mirror_cells(cells), cells)
    values = (rows.moves >> 16).astype(jnp.float32) * np.float32(1 / VALUE_SCALE)
    target = jax.nn.softmax(target_logits(values, taus[:, None], logit_weight), axis=1, where=is_move)
    numbers = jnp.arange(size, dtype=jnp.int32)[:, None]
    beyond = jnp.where(is_move, cells, CELLS)  # dropped
    blank = jnp.zeros((size, CELLS))
    return DeviceBatch(
        positions=positions,
        target=blank.at[numbers, beyond].set(target, mode="drop"),
        legal=blank.astype(bool).at[numbers, beyond].set(True, mode="drop"),
        score=jnp.max(jnp.where(is_move, values, 0.0), axis=1),
        score_weight=score_weight,
    )
