"""One thread that does the jobs that take time, in the order they come."""

import queue
import threading
from collections.abc import Callable


class Worker:
    """Runs jobs one after another; the thread ends with the process."""

    def __init__(self) -> None:
        self._jobs: queue.Queue[Callable[[], None]] = queue.Queue()
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        """Whether a job is running or waiting."""
        return self._jobs.unfinished_tasks > 0

    def submit(self, job: Callable[[], None]) -> None:
        """Adds a job, which must not raise. Does not block. Only one thread may submit."""
        self._jobs.put(job)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="worker", daemon=True)
            self._thread.start()

    def finish(self) -> None:
        """Blocks until every job is done."""
        self._jobs.join()

    def _run(self) -> None:
        while True:
            job = self._jobs.get()
            try:
                job()
            finally:
                self._jobs.task_done()
