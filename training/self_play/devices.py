"""Divides a run over devices and processes, and chooses the number format of its products.

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
    """Returns the sharding of each array of a run's state.

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


def join_process_group(coordinator: str, processes: int, index: int) -> None:
    """Joins this process to a group; call it before anything is computed.

    Every process then runs the same program over the devices of all. Figures are the same everywhere; the first process
    writes them.

    Args:
      coordinator: `host:port` of the first process.
      processes: how many there are.
      index: of this one, from 0.

    Raises:
      ValueError: the index is not one of the group.
    """
    if not 0 <= index < processes:
        raise ValueError(f"expected a process index from 0 to {processes - 1}, got {index}")
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(coordinator, processes, index)


_FIRST_WITH_BFLOAT16 = 8.0  # compute capability of NVIDIA's Ampere; Turing (7.5) has units for float16 only


def product_arithmetic(choice: str, device: Any) -> str:
    """Returns the number format of the network's products, `bfloat16` or `float32`.

    Sums are float32 in both. float16 is left out: its gradients overflow without a loss scale, and float32 is exact.

    Args:
      choice: one of them, or `auto` for what suits the device.
      device: a `jax.Device`, or anything with its `platform` and `compute_capability`.
    """
    if choice != "auto":
        return choice
    if device.platform == "tpu":
        return "bfloat16"
    if device.platform in ("gpu", "cuda"):
        capability = getattr(device, "compute_capability", "0")
        return "bfloat16" if float(capability) >= _FIRST_WITH_BFLOAT16 else "float32"
    # Some CPUs emulate bfloat16, and JAX does not say which.
    return "float32"
