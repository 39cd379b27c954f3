"""A replay buffer on the device: pure functions over rings of sequences, one ring a lane.

Every lane keeps the newest sequences of its own games and is sampled from by itself. So nothing crosses the lanes, and
a buffer whose lanes are spread over devices needs no communication.
"""

import chex
import jax
import jax.numpy as jnp
from flax import struct

from training.muesli.sequences import Sequences


class Replay(struct.PyTreeNode):
    """The rings."""

    sequences: Sequences  # [B, R, T, ...]
    added: jax.Array  # [] int32, sequences added to each lane so far


def init(example: Sequences, slots: int) -> Replay:
    """Returns an empty buffer.

    Args:
      example: arrays or shapes `[B, T, ...]` of what will be added.
      slots: R, sequences that each lane keeps.
    """

    def ring(leaf: jax.Array | jax.ShapeDtypeStruct) -> jax.Array:
        return jnp.zeros((leaf.shape[0], slots, *leaf.shape[1:]), leaf.dtype)

    return Replay(sequences=jax.tree.map(ring, example), added=jnp.int32(0))


def add(replay: Replay, new: Sequences) -> Replay:
    """Returns the buffer with one more sequence `[B, T, ...]` in each lane, in place of the oldest if it is full."""
    expected = jax.tree.map(lambda ring: ring[:, 0], replay.sequences)
    chex.assert_trees_all_equal_shapes_and_dtypes(new, expected)
    slot = replay.added % replay.sequences.action.shape[1]
    rings = jax.tree.map(
        lambda ring, leaf: jax.lax.dynamic_update_index_in_dim(ring, leaf, slot, 1), replay.sequences, new
    )
    return Replay(sequences=rings, added=replay.added + 1)


def sample(replay: Replay, key: jax.Array, count: int) -> Sequences:
    """Draws sequences of each lane, uniformly and with replacement from what it holds; at least one was added.

    Args:
      replay: buffer of B lanes.
      key: consumed.
      count: sequences a lane, may be 0.

    Returns:
      `[B, count, T, ...]`.
    """
    lanes, slots = replay.sequences.action.shape[:2]
    held = jnp.minimum(replay.added, slots)
    index = jax.random.randint(key, (lanes, count), 0, held, jnp.int32)
    return jax.tree.map(lambda ring: jax.vmap(lambda lane, chosen: lane[chosen])(ring, index), replay.sequences)
