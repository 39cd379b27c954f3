"""Divides a run over the devices of all its processes: the group of processes, the mesh, and where arrays lie.

The devices stand in one row. Of an array, every device holds either a copy or an equal part along one axis. All
processes run the same programs in the same order; a program that lets devices exchange anything is therefore launched
from one thread only.
"""

import socket
from collections.abc import Callable
from typing import Any, TypeVar

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

DATA = "data"  # the mesh's only axis, along which games and positions are divided
TreeT = TypeVar("TreeT")
_WAIT_S = 300  # for the other processes of a group; JAX then aborts


def join_process_group(
    coordinator: str, processes: int, index: int, say: Callable[[str], None] = lambda _: None
) -> None:
    """Joins this process to a group; call it before anything is computed.

    Every process then runs the same program over the devices of all. Figures are the same everywhere; the first process
    writes them.

    Args:
      coordinator: `host:port` of the first process.
      processes: how many there are.
      index: of this one, from 0.
      say: takes a line about the wait for the others.

    Raises:
      ValueError: the index is not one of the group, or the first process cannot be at that address.
    """
    if processes < 1:
        raise ValueError(f"expected a group of at least one process, got {processes}")
    if not 0 <= index < processes:
        raise ValueError(f"expected a process index from 0 to {processes - 1}, got {index}")
    _check_address(coordinator, is_here=index == 0)
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    say(f"waiting for all {processes} processes of the group at {coordinator}, {_WAIT_S // 60} minutes at most")
    jax.distributed.initialize(coordinator, processes, index, initialization_timeout=_WAIT_S)


def _check_address(coordinator: str, is_here: bool) -> None:
    """Checks an address at which JAX would wait for minutes and then abort.

    Args:
      coordinator: `host:port` of the first process.
      is_here: whether this process is the first.

    Raises:
      ValueError: it is no such address, or the host is unknown, or the port is taken.
    """
    host, _, port = coordinator.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(f"expected the address of the first process as HOST:PORT, got {coordinator!r}")
    try:
        socket.getaddrinfo(host.strip("[]"), int(port))
    except OSError as error:
        raise ValueError(f"expected a known host for the first process, got {host}: {error}") from error
    if not is_here:
        return
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("", int(port)))
        except OSError as error:
            raise ValueError(f"expected a free port for the first process, got {coordinator}: {error}") from error


def device_mesh() -> Mesh:
    """Returns all devices, of all processes, in one row."""
    return _row(jax.devices())


def one_device_mesh() -> Mesh:
    """Returns the first device of this process as a mesh."""
    return _row(jax.local_devices()[:1])


def _row(devices: list[jax.Device]) -> Mesh:
    return jax.make_mesh((len(devices),), (DATA,), axis_types=(jax.sharding.AxisType.Auto,), devices=devices)


def check_divides(mesh: Mesh, count: int, name: str) -> None:
    """Checks that every device gets an equal part.

    Args:
      mesh: the devices.
      count: what is divided among them.
      name: of the setting.

    Raises:
      ValueError: it cannot be divided so.
    """
    if count % mesh.size:
        raise ValueError(f"expected {name} to be a multiple of the number of devices, {mesh.size}, got {count}")


def copied(mesh: Mesh) -> NamedSharding:
    """Returns the placement of an array that every device has whole."""
    return NamedSharding(mesh, PartitionSpec())


def divided(mesh: Mesh, axis: int = 0) -> NamedSharding:
    """Returns the placement of an array that is divided along an axis."""
    return NamedSharding(mesh, PartitionSpec(*[None] * axis, DATA))


def divided_where_possible(tree: Any, mesh: Mesh) -> Any:
    """Returns the placement of each array: divided along its longest axis that can be; copied if it has fewer than two.

    Args:
      tree: of arrays or their shapes.
      mesh: the devices.
    """

    def of_leaf(leaf: Any) -> NamedSharding:
        axes = [axis for axis, size in enumerate(leaf.shape) if size % mesh.size == 0 and len(leaf.shape) > 1]
        return divided(mesh, max(axes, key=lambda axis: leaf.shape[axis])) if axes else copied(mesh)

    return jax.tree.map(of_leaf, tree)


def place(tree: TreeT, shardings: Any) -> TreeT:
    """Puts arrays that every process has whole onto the devices; nothing is exchanged.

    Args:
      tree: of arrays; they are copied, so that the result may be donated.
      shardings: of the same structure, or one for all.
    """
    if isinstance(shardings, NamedSharding):
        one = shardings
        shardings = jax.tree.map(lambda _: one, tree)

    def put(leaf: Any, sharding: jax.sharding.Sharding) -> jax.Array:
        value = np.asarray(leaf)
        return jax.make_array_from_callback(value.shape, sharding, lambda part: np.array(value[part]))

    return jax.tree.map(put, tree, shardings)


def from_parts(part: Callable[[slice], TreeT], count: int, mesh: Mesh) -> TreeT:
    """Returns arrays that are divided along their first axis, made part by part.

    Args:
      part: gives the arrays of one device on the host, with the same shapes for all devices; called with its part of
        the numbers below `count`, only for devices of this process.
      count: a multiple of the number of devices.
      mesh: the devices.
    """
    sharding = divided(mesh)
    places = sharding.addressable_devices_indices_map((count,))
    trees = [jax.device_put(part(place[0]), device) for device, place in places.items() if place]

    def whole(*leaves: jax.Array) -> jax.Array:
        shape = (leaves[0].shape[0] * mesh.size, *leaves[0].shape[1:])
        return jax.make_array_from_single_device_arrays(shape, sharding, list(leaves))

    return jax.tree.map(whole, *trees)


def local_copy(tree: TreeT) -> TreeT:
    """Returns this process's copy of arrays that every device has whole, for programs of one device."""
    return jax.tree.map(lambda leaf: leaf.addressable_data(0), tree)
