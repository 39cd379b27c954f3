"""Spreads a run over devices: lanes are divided, parameters are everywhere.

The program is the same for any number of devices; XLA's partitioner inserts the sums over devices. Every array whose
first axis is the lanes is split along it, all others are copied.
"""

from typing import Any

import jax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

LANES = "lanes"


def lane_mesh(lanes: int, updates: int) -> Mesh:
    """Returns all devices, of all processes, in one row.

    Args:
      lanes: B.
      updates: of an iteration; each takes an equal part of every device's lanes.

    Raises:
      ValueError: the lanes cannot be divided so.
    """
    devices = jax.devices()
    if lanes % (len(devices) * updates):
        raise ValueError(
            f"expected lanes to be a multiple of devices x updates ({len(devices)} x {updates}), got {lanes}"
        )
    return jax.make_mesh((len(devices),), (LANES,), axis_types=(jax.sharding.AxisType.Auto,))


def lane_shardings(state: Any, lanes: int, mesh: Mesh) -> Any:
    """Returns how each array of a run's state is placed.

    Args:
      state: a `ResidentState` of arrays or shapes.
      lanes: B.
      mesh: from `lane_mesh`.
    """
    split, copied = NamedSharding(mesh, PartitionSpec(LANES)), NamedSharding(mesh, PartitionSpec())

    def of_lanes(leaf: jax.Array) -> NamedSharding:
        if leaf.ndim == 0 or leaf.shape[0] != lanes:
            raise ValueError(f"expected an array of {lanes} lanes, got one of shape {leaf.shape}")
        return split

    placed = jax.tree.map(lambda _: copied, state)
    return placed.replace(
        games=jax.tree.map(of_lanes, state.games),
        replay=placed.replay.replace(sequences=jax.tree.map(of_lanes, state.replay.sequences)),
    )
