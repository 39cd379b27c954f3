"""Has jobs done on the nodes of a Ray cluster, which may come and go. The only file that imports Ray.

Every worker is an actor that is bound to a node, so that it is known which node works how fast, a node that cannot work
is left out, and one that joins is used. Ray starts the actors and notices their end; it does not restart them, since a
new worker has to be told what the last one delivered.
"""

import math
import os
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from engine.version import VERSION
from training.workers.cluster_nodes import ClusterNodes, Say
from training.workers.crew import CrewError, Event, Lost, NextJob, Result, StartWorker
from training.workers.remote_worker import Ending, RemoteWorker, one_line

_NODES_EVERY_S = 5.0
_CONNECT_S, _SLOW_S = 5.0, 20.0
_JOBS_A_WORKER = 4  # work of a fixed amount is cut so fine that a node that joins finds some


@dataclass(kw_only=True)
class _Seat:
    """Holds a worker."""

    actor: Any
    node: str  # its id
    starting: bool = True
    job: Any = None


class RayCrew:
    """Runs a worker on every processor of every node; a context manager that leaves the cluster at its end.

    A worker that ends is replaced. A node where workers cannot be started, or only fail, is reported and left out.
    Workers stay for the next run if it starts them in the same way.

    Args:
      address: `host:port` of the cluster's head, or `auto` for the cluster that this machine is part of.
      workers: at work at once; None for all that there are processors for.
      processors: that a worker needs.
      own_processors: leave nodes out that promise more processors than they have.
      say: takes a line about a node.

    Raises:
      CrewError: Ray is not installed, or there is no cluster at the address.
    """

    def __init__(
        self,
        *,
        address: str,
        workers: int | None = None,
        processors: int = 1,
        own_processors: bool = False,
        say: Say,
    ) -> None:
        self._most, self._processors, self._own_processors = workers or math.inf, processors, own_processors
        self._ray = _connected(address, say)
        self._start: StartWorker | None = None
        self._sent: Any = None  # the same, in the cluster
        self._actors = self._ray.remote(RemoteWorker)
        self._nodes = ClusterNodes(processors, say, own=self._ray.get_runtime_context().get_node_id())
        self._looked_s = -_NODES_EVERY_S
        self._seats: dict[Any, _Seat] = {}  # by the reference of the answer that is awaited
        self._idle: list[_Seat] = []
        self._reserved: deque[Any] = deque()  # jobs for which workers are being started
        self._look_at_nodes()

    @property
    def parts(self) -> int:
        """Into how many jobs to divide work of a fixed amount."""
        return _JOBS_A_WORKER * int(max(1, min(self._nodes.places(), self._most)))

    def __enter__(self) -> "RayCrew":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ray.shutdown()

    def run(self, start: StartWorker, next_job: NextJob) -> Generator[Event, None, None]:
        """Does jobs as `Crew.run` says.

        Raises:
          CrewError: every node was left out.
        """
        if start is not self._start:
            self._end(self._idle)
            self._idle.clear()
            self._start, self._sent = start, self._ray.put(start)
        try:
            while True:
                self._look_at_nodes()
                self._fill_seats(next_job)
                if all(seat.starting for seat in self._seats.values()) and not self._has_work(next_job):
                    return
                ready = self._ready()
                if not ready:
                    yield None
                for reference in ready:
                    yield from self._answered(reference, next_job)
        finally:
            self._end(self._seats.values())
            self._seats.clear()
            self._reserved.clear()

    def _end(self, seats: Iterable[_Seat]) -> None:
        for seat in seats:
            self._ray.kill(seat.actor)

    def _look_at_nodes(self) -> None:
        """Learns which nodes have come and gone."""
        if time.monotonic() - self._looked_s < _NODES_EVERY_S:
            return
        self._looked_s = time.monotonic()
        self._nodes.update(self._ray.nodes())

    def _fill_seats(self, next_job: NextJob) -> None:
        """Gives jobs to idle workers, and starts others where the most processors are free."""
        while self._idle and self._has_work(next_job):
            self._ask(self._idle.pop(), next_job)
        taken = Counter(seat.node for seat in [*self._seats.values(), *self._idle])
        starting = sum(seat.starting for seat in self._seats.values())
        while len(self._seats) < self._most:
            key = self._nodes.free_place(taken)
            if key is None or not self._has_work(next_job, more_than=starting):
                return
            self._seat(key)
            taken[key] += 1
            starting += 1

    def _has_work(self, next_job: NextJob, more_than: int = 0) -> bool:
        """Returns whether more jobs than these wait for a worker."""
        if len(self._reserved) <= more_than and (job := next_job()) is not None:
            self._reserved.append(job)
        return len(self._reserved) > more_than

    def _seat(self, key: str) -> None:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        here = NodeAffinitySchedulingStrategy(key, soft=False)
        actor = self._actors.options(num_cpus=self._processors, scheduling_strategy=here).remote()
        most = self._nodes[key].cpus if self._own_processors else None
        self._seats[actor.start.remote(self._sent, VERSION, most)] = _Seat(actor=actor, node=key)

    def _ready(self) -> list[Any]:
        """Waits up to a second for the answers of workers."""
        if not self._seats:
            time.sleep(1.0)
            return []
        first, others = self._ray.wait(list(self._seats), timeout=1.0)
        return first + (self._ray.wait(others, num_returns=len(others), timeout=0)[0] if first and others else [])

    def _answered(self, reference: Any, next_job: NextJob) -> Generator[Event, None, None]:
        """Takes a worker's answer and asks for its next one."""
        seat = self._seats.pop(reference)
        try:
            answer = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            if "its node has died" in str(error):
                self._nodes.has_left(seat.node)
            yield from self._gone(seat, *_death(error))
            return
        if seat.starting:
            if answer:
                yield from self._gone(seat, answer, at_start=True)
                return
            seat.starting = False
        for value in answer:
            if not isinstance(value, Ending):
                self._nodes.delivered(seat.node)
                yield Result(seat.job, value, self._nodes[seat.node].name)
            elif value.reason:
                yield from self._gone(seat, value.reason, at_start=False)
                return
            else:
                seat.job = None
        self._ask(seat, next_job)

    def _ask(self, seat: _Seat, next_job: NextJob) -> None:
        """Gives a worker without a job one, if there is one, and asks for results."""
        if seat.job is None:
            seat.job = self._reserved.popleft() if self._reserved else next_job()
            if seat.job is None:
                self._idle.append(seat)
                return
            seat.actor.begin.remote(seat.job)
        self._seats[seat.actor.gather.remote()] = seat

    def _gone(self, seat: _Seat, reason: str, at_start: bool) -> Generator[Event, None, None]:
        """Ends a worker that failed."""
        self._ray.kill(seat.actor)
        if seat.job is not None:
            yield Lost(seat.job, self._nodes[seat.node].name, reason)
        self._nodes.failed(seat.node, reason, at_start=at_start)


def _death(error: Exception) -> tuple[str, bool]:
    """Returns why Ray has lost a worker, and whether because it could not be started there."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    if "creation task" in lines[0] or type(error).__name__.startswith("RayTaskError"):
        return one_line(lines[-1]), True
    return "its process has ended", False


def _connected(address: str, say: Say) -> Any:
    """Joins the cluster as a program that hands out work; returns the module `ray`."""
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".*")  # or it writes its own reports to standard output
    try:
        import ray
    except ModuleNotFoundError as error:
        wanted = "recursezero[cluster]"
        install = f'to install them: pip install "{wanted}"'
        raise CrewError(f"expected the packages of {wanted} for --cluster, got no {error.name} ({install})") from error
    place = _head(address)
    slow = threading.Timer(_SLOW_S, say, (f"waiting for Ray at {place}",))
    slow.daemon = True
    slow.start()
    try:
        ray.init(address=place, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, RuntimeError, ValueError, AssertionError, ray.exceptions.RayError) as error:
        raise CrewError(f"expected a Ray cluster that can be joined at {place}, got: {one_line(error)}") from error
    finally:
        slow.cancel()
    return ray


def _head(address: str) -> str:
    """Returns the address of the cluster's head, which answers; Ray itself would wait for one without end.

    Raises:
      CrewError: nobody answers, or the address is none.
    """
    place = address
    if address == "auto":
        # Where Ray writes which cluster a machine is part of.
        noted = Path(os.environ.get("RAY_TMPDIR", "/tmp"), "ray", "ray_current_cluster")
        place = os.environ.get("RAY_ADDRESS", "") or (
            noted.read_text(encoding="utf-8").strip() if noted.is_file() else ""
        )
        if not place:
            raise CrewError("expected a Ray cluster that this machine is part of, got none (ray start --head)")
    host, _, port = place.rpartition(":")
    if not host or not port.isdecimal() or "/" in host:
        raise CrewError(f"expected the address of a Ray cluster as HOST:PORT or auto, got {place!r}")
    try:
        socket.create_connection((host, int(port)), _CONNECT_S).close()
    except (OSError, OverflowError) as error:
        raise CrewError(f"expected a Ray cluster at {place}, got no answer: {error}") from error
    return place
