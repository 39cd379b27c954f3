"""Divides the lanes of self-play over devices, and chooses the number format of its products.

The program is the same for any number of devices; XLA's partitioner inserts the sums over devices. Every array whose
first axis is the lanes is split along it, all others are copied.
"""

from typing import Any

import jax
from jax.sharding import Mesh, NamedSharding

from training.runs.device_mesh import copied, device_mesh, divided


def lane_mesh(lanes: int, updates: int) -> Mesh:
    """Returns all devices, of all processes, in one row.

    Args:
      lanes: B.
      updates: of an iteration; each takes an equal part of every device's lanes.

    Raises:
      ValueError: the lanes cannot be divided so.
    """
    mesh = device_mesh()
    if lanes % (mesh.size * updates):
        raise ValueError(f"expected lanes to be a multiple of devices x updates ({mesh.size} x {updates}), got {lanes}")
    return mesh


def lane_shardings(state: Any, lanes: int, mesh: Mesh) -> Any:
    """Returns the sharding of each array of a run's state.

    Args:
      state: a `ResidentState` of arrays or shapes.
      lanes: B.
      mesh: from `lane_mesh`.
    """

    def of_lanes(leaf: jax.Array) -> NamedSharding:
        if leaf.ndim == 0 or leaf.shape[0] != lanes:
            raise ValueError(f"expected an array of {lanes} lanes, got one of shape {leaf.shape}")
        return divided(mesh)

    placed = jax.tree.map(lambda _: copied(mesh), state)
    return placed.replace(
        games=jax.tree.map(of_lanes, state.games),
        replay=placed.replay.replace(sequences=jax.tree.map(of_lanes, state.replay.sequences)),
    )


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
