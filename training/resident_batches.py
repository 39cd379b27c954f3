"""Batches of labelled positions from packed sets that lie on the device, for accelerators.

The host draws which positions a batch is made of, a few bytes a row; what they say, their mirror images and their
targets are read and computed where they are needed. On a CPU that would save nothing.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from engine.encoding.move_labels import CELLS
from engine.encoding.position import CASTLING_ROOK, EN_PASSANT
from training.batches import SURELY_LOST, BatchStream
from training.learner import DeviceBatch
from training.mirroring import MIRRORED_CELL, MIRRORED_SQUARE
from training.shards import VALUE_SCALE


class ResidentSets(struct.PyTreeNode):
    """The packed sets of a stream, one behind the other, R positions in all."""

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
    """

    def __init__(self, stream: BatchStream, has_scores: np.ndarray, logit_weight: float) -> None:
        shards = [source.shards for source in stream.sources]
        counts = [len(part) for part in shards]
        moves = [len(part.move_cells) for part in shards]
        self._stream = stream
        self._first_items = np.cumsum([0, *counts[:-1]])
        first_moves = np.cumsum([0, *moves[:-1]])
        offsets = [part.move_offsets[:-1] + first for part, first in zip(shards, first_moves, strict=True)]
        most_moves = max(int(np.diff(part.move_offsets).max()) for part in shards)
        self._sets = ResidentSets(
            positions=jnp.asarray(np.concatenate([part.positions for part in shards])),
            move_offsets=jnp.asarray(np.append(np.concatenate(offsets), sum(moves)), jnp.int32),
            move_cells=jnp.asarray(np.concatenate([part.move_cells for part in shards]).astype(np.int16)),
            move_values=jnp.asarray(np.concatenate([part.move_values for part in shards])),
            taus=jnp.asarray(stream.taus),
            has_scores=jnp.asarray(has_scores, jnp.float32),
        )
        self._read = jax.jit(partial(read_batch, most_moves=most_moves, logit_weight=logit_weight))

    def __call__(self, index: int) -> DeviceBatch:
        """Returns batch `index`, counted from 0; the same as the stream's, with its targets."""
        draw = self._stream.draw(index)
        items = (draw.items + self._first_items[draw.source]).astype(np.int32)
        return self._read(self._sets, items, draw.source, draw.heads)


def read_batch(
    sets: ResidentSets, items: jax.Array, source: jax.Array, heads: jax.Array, *, most_moves: int, logit_weight: float
) -> DeviceBatch:
    """Reads positions, mirrors those that are to be and can be, and spreads their targets over the policy cells.

    Args:
      sets: where they lie.
      items: int32 `[B]`, rows of the sets.
      source: int8 `[B]`, the set of each.
      heads: bool `[B]`, whether to mirror it.
      most_moves: L, more than any position's legal moves or as many.
      logit_weight: as for `training.batches.dense_targets`.

    Returns:
      The batch.
    """
    positions = sets.positions[items]
    starts = sets.move_offsets[items]
    columns = jnp.arange(most_moves, dtype=jnp.int32)[None]
    is_move = columns < (sets.move_offsets[items + 1] - starts)[:, None]  # [B, L]
    places = jnp.where(is_move, starts[:, None] + columns, 0)
    is_mirrored = heads & ~jnp.any(jnp.abs(positions[:, :64]) == CASTLING_ROOK, axis=1)
    positions = jnp.where(is_mirrored[:, None], _mirror_images(positions), positions)
    cells = sets.move_cells[places].astype(jnp.int32)
    cells = jnp.where(is_mirrored[:, None], jnp.asarray(MIRRORED_CELL)[cells], cells)
    values = sets.move_values[places].astype(jnp.float32) * np.float32(1 / VALUE_SCALE)
    certain = jnp.clip(values, SURELY_LOST, 1 - SURELY_LOST)
    logits = values / sets.taus[source][:, None] + logit_weight * (jnp.log(certain) - jnp.log1p(-certain))
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


def _mirror_images(positions: jax.Array) -> jax.Array:
    """Returns the left-right mirror images of positions without castling rights, `[B, P]`."""
    en_passant = positions[:, EN_PASSANT]
    mirrored = positions.at[:, :64].set(positions[:, MIRRORED_SQUARE])
    return mirrored.at[:, EN_PASSANT].set(jnp.where(en_passant >= 0, en_passant ^ 7, en_passant))
