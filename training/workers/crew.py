"""Defines a crew: workers in processes of their own, which do the jobs of one program that writes down the results.

The program hands jobs out one by one and gets results as they come. Where the workers are, how they are started and
when they are replaced is the crew's affair; what becomes of a job that a worker could not finish is the program's.
"""

from collections.abc import Callable, Generator, Mapping
from typing import Any, NamedTuple, Protocol

Deliver = Callable[[Any], None]


class CrewError(ValueError):
    """The workers cannot be started or cannot go on; the text is one line."""


class Worker(Protocol):
    """Does one job after the other."""

    def work(self, job: Any, deliver: Deliver) -> None:
        """Does a job.

        Args:
          job: as the program handed it out.
          deliver: takes each result as soon as it is whole; waits if the program is busy.

        Raises:
          ValueError or OSError: one line about the reason why the job cannot be done here.
        """
        ...


# Starts a worker in its process: it can be pickled, and raises a ValueError or an OSError of one line.
StartWorker = Callable[[], Worker]
# Returns the next job, which can be pickled; None when there is none to be had now.
NextJob = Callable[[], Any]


class Result(NamedTuple):
    """Holds a part of what a job yields."""

    job: Any
    value: Any
    node: str  # where it was made; empty on this machine


class Lost(NamedTuple):
    """Says that a worker has gone, whose job is to be handed out again; all its results so far have been yielded."""

    job: Any
    node: str
    reason: str


Event = Result | Lost | None  # None: nothing has come for about a second


class Crew(Protocol):
    """Has jobs done."""

    @property
    def parts(self) -> int:
        """Into how many jobs to divide work of a fixed amount, so that all workers have something to do."""
        ...

    def run(self, start: StartWorker, next_job: NextJob) -> Generator[Event, None, None]:
        """Does jobs until there are none and yields their results in any order; closing it ends what is at work.

        Args:
          start: starts a worker in its process.
          next_job: hands out the next job. It is asked again after a job was lost or finished.

        Raises:
          CrewError, ValueError or OSError: no worker is left that could go on; one line.
        """
        ...


class NodeRates:
    """Measures how much each node has delivered of late.

    Args:
      window_s: seconds that count.
    """

    def __init__(self, window_s: float = 30.0) -> None:
        self._window_s = window_s
        self._delivered: list[tuple[float, str, int]] = []

    def add(self, now_s: float, node: str, amount: int) -> None:
        """Counts what a node has delivered."""
        self._delivered.append((now_s, node, amount))

    def rates(self, now_s: float, since_s: float) -> dict[str, float]:
        """Returns the amounts a second by node, in the order of their names; nodes that are silent drop out.

        Args:
          now_s: the time.
          since_s: when the work began, from which less than the window may have passed.
        """
        first_s = now_s - self._window_s
        self._delivered = [delivered for delivered in self._delivered if delivered[0] > first_s]
        seconds = max(1.0, min(self._window_s, now_s - since_s))
        totals: dict[str, float] = {}
        for _, node, amount in self._delivered:
            totals[node] = totals.get(node, 0.0) + amount / seconds
        return dict(sorted(totals.items()))


def rates_line(rates: Mapping[str, float]) -> str:
    """Returns rates by node as a part of a line, such as "alpha 110/s, beta 95/s"."""
    return ", ".join(f"{node} {rate:.0f}/s" for node, rate in rates.items())
