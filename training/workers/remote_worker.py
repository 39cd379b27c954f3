"""Runs a worker on a node of a cluster and keeps its results until they are fetched."""

import asyncio
import queue
import threading
import time
from dataclasses import dataclass
from typing import Any

from engine.player.backend import usable_processors
from engine.version import VERSION
from training.workers.crew import StartWorker

_GATHER_S = 2.0  # results of so long travel together, since each journey costs some milliseconds
_WAITING = 64  # results that wait for the program before the worker does


@dataclass(frozen=True, kw_only=True)
class Ending:
    """Tells that a job has ended, and why if it was not done."""

    reason: str


class RemoteWorker:
    """Runs one worker in a process of Ray and keeps its results until they are fetched."""

    def __init__(self) -> None:
        self._worker: Any = None
        self._results: queue.Queue[Any] = queue.Queue(_WAITING)

    def start(self, start: StartWorker, version: str, most_processors: float | None) -> str:
        """Starts the worker; returns why it cannot be started here, or nothing."""
        here = usable_processors()
        if version != VERSION:
            return f"expected recursezero {version} as on the first machine, got {VERSION}"
        if most_processors is not None and most_processors > here:
            return (
                f"expected Ray to be told of at most {here} CPUs, which this node has, since clocks need a processor "
                f"for each game, got {most_processors:g} (ray start --num-cpus)"
            )
        asyncio.set_event_loop_policy(None)  # Ray sets that of uvloop, which starts no process groups
        try:
            self._worker = start()
        except (ValueError, OSError) as error:
            return one_line(error)
        return ""

    def begin(self, job: Any) -> None:
        """Begins a job."""
        threading.Thread(target=self._work, args=(job,), daemon=True).start()

    def gather(self) -> list[Any]:
        """Returns what the job has yielded within a short time, at the end also an `Ending`."""
        end_s, gathered = time.monotonic() + _GATHER_S, []
        while (left_s := end_s - time.monotonic()) > 0:
            try:
                gathered.append(self._results.get(timeout=left_s))
            except queue.Empty:
                break
            if isinstance(gathered[-1], Ending):
                break
        return gathered

    def _work(self, job: Any) -> None:
        try:
            self._worker.work(job, self._results.put)
            self._results.put(Ending(reason=""))
        except Exception as error:  # whatever it is, the program has to hear of it
            kind = "" if isinstance(error, ValueError | OSError) else f"{type(error).__name__}: "
            self._results.put(Ending(reason=f"{kind}{one_line(error)}"))


def one_line(error: object) -> str:
    """Returns a message without its line breaks."""
    return " ".join(str(error).split())
