"""Batches of labelled positions, drawn from packed sets in fixed proportions.

Batch i is a pure function of the stream's arguments and i: a run that resumes at step i sees what
it would have seen. Randomness comes from keyed Philox generators, so it also depends on NumPy's
promise not to change `Generator` streams (made within, not across, its feature releases).
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from engine.encoding.attacks import Array
from engine.encoding.move_labels import CELLS
from training.packed.block_order import BlockOrder
from training.packed.mirroring import can_be_mirrored, mirror_cells, mirror_positions
from training.packed.shards import VALUE_SCALE, PackedSet

MAX_LEGAL_MOVES = 218  # no legal chess position has more
_SURELY_LOST = 5e-4  # half of the step from one mate to the next: the logit of a mate in one is finite
_ORDER_KEY, _MIRROR_KEY = 1, 2  # keep the generators of different uses apart


class Batch(NamedTuple):
    """Positions with the expected score of every legal move; `L` is the same for all batches."""

    positions: np.ndarray  # int8 [B, P]
    cells: np.ndarray  # int16 [B, L], policy cells of the legal moves, then -1
    values: np.ndarray  # float32 [B, L], expected scores in [0, 1] for the mover, then 0
    source: np.ndarray  # int8 [B], index of the set in the stream's sources


class Draw(NamedTuple):
    """Which positions make up a batch, before they are read."""

    items: np.ndarray  # int64 [B], index of the position in its set
    source: np.ndarray  # int8 [B], index of the set in the stream's sources
    flips: np.ndarray  # bool [B], whether to mirror the position if that can be done


class Source(NamedTuple):
    """A packed set in a mixture."""

    shards: PackedSet
    weight: float  # share of each batch, relative to the other weights
    tau: float  # temperature of the set's policy target, in expected score


class BatchError(ValueError):
    """A stream of batches is impossible as asked for; the text is one line."""


class BatchStream:
    """An endless stream of batches; `stream(i)` is batch i.

    Each set is walked through in a new random order every epoch, without replacement, and fills
    the same number of rows of every batch. The rows of one set stand together.

    Attributes:
      sources: the packed sets, each with its weight and temperature.
      batch_size: B.
      taus: float32, the temperature of each source.
      rows: how many rows of a batch each source fills.
      max_moves: L.

    Args:
      sources: packed sets with their weight and temperature.
      batch_size: B.
      seed: decides the orders and the mirroring, not negative.
      mirror: whether to mirror half of the positions without castling rights, by chance.
      max_moves: L; positions with more legal moves are an error.

    Raises:
      BatchError: a set is empty, or a weight, a temperature or the batch size is out of range.
    """

    def __init__(
        self,
        sources: Sequence[tuple[PackedSet, float, float]],
        batch_size: int,
        seed: int,
        mirror: bool = False,
        max_moves: int = MAX_LEGAL_MOVES,
    ) -> None:
        self.sources = [Source(*source) for source in sources]
        _check_sources(self.sources)
        if batch_size < 1 or seed < 0:
            raise BatchError(f"expected batch_size >= 1 and seed >= 0, got {batch_size} and {seed}")
        self.batch_size, self._seed = batch_size, seed
        self._mirror = mirror
        self.max_moves = max_moves
        self._orders: dict[tuple[int, int], np.ndarray | BlockOrder] = {}
        self.taus = np.array([source.tau for source in self.sources], np.float32)
        self.rows = _rows_of_sources([source.weight for source in self.sources], batch_size)
        if min(self.rows) < 1:
            raise BatchError(
                f"expected at least one row of a batch for every source, got {self.rows} of {batch_size} by weight"
            )

    def __call__(self, index: int) -> Batch:
        """Returns batch `index`, counted from 0.

        Raises:
          BatchError: the index is negative, or a position has more than `max_moves` moves.
        """
        return self.read(self.draw(index))

    def read(self, draw: Draw) -> Batch:
        """Reads the positions of a draw, or of some of its rows.

        Raises:
          BatchError: a position has more than `max_moves` moves.
        """
        parts = [self._gather(number, draw.items[draw.source == number]) for number in np.unique(draw.source)]
        batch = Batch(*(np.concatenate(fields) for fields in zip(*parts, strict=True)))
        chosen = draw.flips & can_be_mirrored(batch.positions)
        batch.positions[chosen] = mirror_positions(batch.positions[chosen])
        batch.cells[chosen] = mirror_cells(batch.cells[chosen])
        return batch

    def draw(self, index: int) -> Draw:
        """Returns what batch `index` is made of, the rows of each source together.

        Raises:
          BatchError: the index is negative.
        """
        if index < 0:
            raise BatchError(f"expected a batch index >= 0, got {index}")
        items = np.concatenate([self._items(number, index) for number in range(len(self.sources))])
        source = np.repeat(np.arange(len(self.sources), dtype=np.int8), self.rows)
        flips = _generator(self._seed, _MIRROR_KEY, index).random(len(items)) < 0.5
        return Draw(items, source, flips & self._mirror)

    def _items(self, number: int, index: int) -> np.ndarray:
        rows, size = self.rows[number], len(self.sources[number].shards)
        epochs, places = np.divmod(np.arange(index * rows, (index + 1) * rows), size)
        items = np.empty(rows, np.int64)
        for epoch in range(int(epochs[0]), int(epochs[-1]) + 1):
            of_epoch = epochs == epoch
            items[of_epoch] = self._order(number, epoch)[places[of_epoch]]
        return items

    def _order(self, number: int, epoch: int) -> np.ndarray | BlockOrder:
        """Returns the order of a source's positions in an epoch, kept until a later epoch's."""
        if (number, epoch) not in self._orders:
            order = self.sources[number].shards.order(partial(_generator, self._seed, _ORDER_KEY, number, epoch))
            # One call may straddle two epochs; no other order of this source is needed again soon.
            for old in [key for key in self._orders if key[0] == number and key[1] != epoch - 1]:
                del self._orders[old]
            self._orders[number, epoch] = order
        return self._orders[number, epoch]

    def _gather(self, number: int, items: np.ndarray) -> Batch:
        shards = self.sources[number].shards
        rows = shards.read(items)
        check_move_counts(rows.counts, items, shards, self.max_moves)
        is_move = np.arange(self.max_moves) < rows.counts[:, None]  # [B, L]
        cells = np.full(is_move.shape, -1, np.int16)
        values = np.zeros(is_move.shape, np.float32)
        cells[is_move] = rows.cells
        values[is_move] = rows.values * np.float32(1 / VALUE_SCALE)
        source = np.full(len(items), number, np.int8)
        return Batch(rows.positions, cells, values, source)


def check_move_counts(counts: np.ndarray, items: np.ndarray, shards: PackedSet, max_moves: int) -> None:
    """Checks that positions fit in a batch.

    Args:
      counts: `[n]`, how many legal moves they have.
      items: `[n]`, which positions of the set they are.
      shards: the set.
      max_moves: L.

    Raises:
      BatchError: one has more.
    """
    if counts.max() > max_moves:
        raise BatchError(
            f"expected at most {max_moves} legal moves, got {counts.max()} "
            f"at position {items[counts.argmax()]} of {shards.place}"
        )


def target_logits(values: Array, taus: Array, logit_weight: float) -> Array:
    """Returns the logits whose softmax over the legal moves is the policy target.

    Args:
      values: expected scores.
      taus: temperatures, broadcastable to them.
      logit_weight: of the scores' logits.
    """
    xp = values.__array_namespace__()
    certain = xp.clip(values, _SURELY_LOST, 1 - _SURELY_LOST)
    return values / taus + logit_weight * xp.log(certain / (1 - certain))


def dense_targets(batch: Batch, taus: float | np.ndarray, logit_weight: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Spreads a batch's moves over the policy cells.

    The target is the softmax over the legal moves of w / tau + logit_weight * log(w / (1 - w)), w the expected score.
    Where a game is decided all scores are nearly the same; their logits still tell progress and the shorter mate.

    Args:
      batch: B positions.
      taus: the temperature of all positions, or float `[sources]`, that of each source.
      logit_weight: of the scores' logits, at least 0.

    Returns:
      The target distribution, float32 `[B, Z]`, and whether a cell is a legal move, bool `[B, Z]`.
    """
    size = len(batch.cells)
    taus_of_sources = np.asarray(taus, np.float32)
    is_move = batch.cells >= 0  # [B, L]
    counts = np.count_nonzero(is_move, axis=1)
    tau = taus_of_sources[batch.source] if taus_of_sources.ndim else np.full(size, taus_of_sources)
    # Flat over the legal moves: they are a seventh of [B, L] and a hundredth of [B, Z].
    flat_cells = (np.arange(size)[:, None] * CELLS + batch.cells)[is_move]
    values = batch.values[is_move]
    logits = target_logits(values, np.repeat(tau, counts), logit_weight)
    best = np.maximum.reduceat(logits, np.cumsum(counts) - counts)
    odds = np.exp(logits - np.repeat(best, counts))
    sums = np.bincount(np.repeat(np.arange(size), counts), odds, size)
    target = np.zeros((size, CELLS), np.float32)
    target.reshape(-1)[flat_cells] = odds / np.repeat(sums, counts)
    legal = np.zeros((size, CELLS), bool)
    legal.reshape(-1)[flat_cells] = True
    return target, legal


def _generator(seed: int, *key: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, *key])))


def _check_sources(sources: Sequence[Source]) -> None:
    if not 1 <= len(sources) <= 127:
        raise BatchError(f"expected 1 to 127 sources, got {len(sources)}")
    for source in sources:
        if not len(source.shards):
            raise BatchError(f"expected positions in {source.shards.place}, got none")
        if not (0 < source.weight < np.inf and 0 < source.tau < np.inf):
            raise BatchError(
                f"expected a positive weight and temperature for {source.shards.place}, "
                f"got {source.weight} and {source.tau}"
            )


def _rows_of_sources(weights: Sequence[float], batch_size: int) -> list[int]:
    """Divides a batch by weight, the largest remainders rounded up, the first of equal ones."""
    shares = np.array(weights, np.float64) / sum(weights) * batch_size
    rows = np.floor(shares).astype(int)
    rows[np.argsort(rows - shares, kind="stable")[: batch_size - rows.sum()]] += 1
    return [int(number) for number in rows]
