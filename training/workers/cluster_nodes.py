"""Keeps account of the nodes of a cluster: which are there, which of them can work, and where a worker may start."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from training.workers.crew import CrewError

_REST_S = 2.0  # of a node whose worker has failed
_MOST_FAILURES = 3  # in a row, for each worker of a node

Say = Callable[[str], None]


@dataclass(kw_only=True)
class Node:
    """Holds what is known of a node.

    Attributes:
      name: no other node has it at the same time.
      cpus: that Ray was told of.
      places: for workers.
      is_alive: whether it is part of the cluster.
      is_left_out: whether it cannot work.
      failures: in a row, without a result between them.
      has_delivered: whether it could work at some time.
      rests_until_s: by the clock of `time.monotonic`.
    """

    name: str
    cpus: float
    places: int
    is_alive: bool = True
    is_left_out: bool = False
    failures: int = 0
    has_delivered: bool = False
    rests_until_s: float = 0.0


class ClusterNodes:
    """Holds the nodes by Ray's names for them, and reports those that leave or are left out.

    Args:
      processors: that a worker needs.
      say: takes a line about a node.
      own: the node of this program, without which it can reach no other.
    """

    def __init__(self, processors: int, say: Say, own: str = "") -> None:
        self._processors, self._say, self._own = processors, say, own
        self._nodes: dict[str, Node] = {}
        self._last_reason = ""

    def __getitem__(self, key: str) -> Node:
        return self._nodes[key]

    def update(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Learns which nodes have come and gone.

        Args:
          rows: as `ray.nodes` returns them.

        Raises:
          CrewError: only such nodes are left that cannot work, or that of this program has gone.
        """
        for row in sorted(rows, key=lambda row: row["Alive"]):  # the dead first: one that comes back has its old name
            key, cpus = row["NodeID"], row.get("Resources", {}).get("CPU", 0.0)
            if key not in self._nodes and row["Alive"] and cpus >= self._processors:
                self._nodes[key] = Node(name=self._name(row), cpus=cpus, places=int(cpus) // self._processors)
            elif key in (self._own, *self._nodes) and not row["Alive"]:
                self.has_left(key)
        self._check()

    def has_left(self, key: str) -> None:
        """Notes that a node has left the cluster.

        Raises:
          CrewError: it is the node of this program.
        """
        if key == self._own:
            raise CrewError("expected Ray on this machine to go on running, but it has ended (to start it: ray start)")
        node = self._nodes[key]
        if node.is_alive:
            node.is_alive = False
            self._say(f"{node.name}: it has left the cluster, and its work goes to others")

    def places(self) -> int:
        """Returns how many workers have a place now."""
        return sum(node.places for node in self._nodes.values() if node.is_alive and not node.is_left_out)

    def free_place(self, taken: Counter[str]) -> str | None:
        """Returns the node with the most free places, None if there is none.

        Args:
          taken: places by node.
        """
        now_s = time.monotonic()
        free = {
            key: node.places - taken[key]
            for key, node in self._nodes.items()
            if node.is_alive and not node.is_left_out and now_s >= node.rests_until_s
        }
        key = max(free, key=lambda key: free[key], default=None)
        return key if key is not None and free[key] > 0 else None

    def delivered(self, key: str) -> None:
        """Notes that a worker of a node works."""
        self._nodes[key].failures, self._nodes[key].has_delivered = 0, True

    def failed(self, key: str, reason: str, *, at_start: bool) -> None:
        """Notes that a worker has failed; its node rests a little, or is left out.

        Args:
          key: of the node.
          reason: one line.
          at_start: whether the worker could not be started; where none ever could, the node is left out at once.

        Raises:
          CrewError: all nodes are left out.
        """
        node = self._nodes[key]
        node.failures += 1
        node.rests_until_s = time.monotonic() + _REST_S
        if node.is_alive and not node.is_left_out:
            is_hopeless = at_start and not node.has_delivered
            node.is_left_out = is_hopeless or node.failures >= _MOST_FAILURES * node.places
            self._say(f"{node.name}: {'left out' if node.is_left_out else 'a worker is replaced'}: {reason}")
            self._last_reason = f"{node.name}: {reason}"
        self._check()

    def _check(self) -> None:
        alive = [node for node in self._nodes.values() if node.is_alive]
        if alive and all(node.is_left_out for node in alive):
            raise CrewError(f"expected a node that can work, got none; the last was {self._last_reason}")

    def _name(self, row: Mapping[str, Any]) -> str:
        """Returns the name given to Ray, or else that of the machine, with a number where others there have it."""
        is_named = row["NodeName"] != row["NodeManagerAddress"]
        name = str(row["NodeName"] if is_named else row["NodeManagerHostname"])
        taken = {node.name for node in self._nodes.values() if node.is_alive}
        names = (name if number == 1 else f"{name}-{number}" for number in range(1, len(taken) + 2))
        return next(other for other in names if other not in taken)
