"""Has jobs done by processes of this machine."""

import multiprocessing
import os
import queue
import signal
import threading
import time
from collections.abc import Generator, Sequence
from multiprocessing.context import SpawnProcess
from typing import Any

from training.workers.crew import CrewError, Event, NextJob, Result, StartWorker

_WAITING = 64  # results that may wait for the program before workers do
_PATIENCE_S = 1.0


class _Finished:
    """Tells that a process has done its job."""


class ProcessCrew:
    """Starts a process for each job, several at once; the first failure of one ends the work.

    Args:
      title: of the work, for messages.
      processes: at work at once.
    """

    def __init__(self, title: str, processes: int) -> None:
        self._title, self.parts = title, processes

    def run(self, start: StartWorker, next_job: NextJob) -> Generator[Event, None, None]:
        """Does jobs as `Crew.run` says.

        Raises:
          CrewError: a process was killed.
          ValueError or OSError: of a worker.
        """
        spawn = multiprocessing.get_context("spawn")
        results: Any = spawn.Queue(maxsize=_WAITING)
        processes: list[SpawnProcess] = []
        jobs: dict[int, Any] = {}  # by the place of the process in the list
        checked_s = time.monotonic()
        try:
            while True:
                while len(jobs) < self.parts and (job := next_job()) is not None:
                    jobs[len(processes)] = job
                    process = spawn.Process(target=_serve, args=(start, job, len(processes), results), daemon=True)
                    processes.append(process)
                    process.start()
                if not jobs:
                    return
                place, result = _next_result(results)
                if isinstance(result, Exception):
                    raise result
                if place is None:
                    yield None
                elif isinstance(result, _Finished):
                    del jobs[place]
                else:
                    yield Result(jobs[place], result, "")
                if time.monotonic() - checked_s >= _PATIENCE_S:
                    self._check_alive(processes)
                    checked_s = time.monotonic()
        finally:
            for process in processes:
                process.terminate()
                process.join()

    def _check_alive(self, processes: Sequence[SpawnProcess]) -> None:
        # Sent before its end, a result may still be on its way, so only a failure counts.
        failed = [process.exitcode for process in processes if process.exitcode]
        if failed:
            raise CrewError(f"expected the {self._title} processes to go on, but one ended with {failed[0]}")


def _next_result(results: Any) -> tuple[int | None, Any]:
    try:
        place, result = results.get(timeout=_PATIENCE_S)
    except queue.Empty:
        return None, None
    return place, result


def _serve(start: StartWorker, job: Any, place: int, results: Any) -> None:
    """Does a job in a process of its own."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process hears it and ends this one
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        start().work(job, lambda result: results.put((place, result)))
        results.put((place, _Finished()))
    except (ValueError, OSError) as error:
        results.put((place, error if isinstance(error, OSError) else ValueError(str(error))))


def _end_with_parent() -> None:
    """Ends this process, and thereby what it has started, if the first process is killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
