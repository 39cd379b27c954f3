"""One thread that does the jobs that take time, in the order they come."""

import queue
import threading
from collections.abc import Callable

_LOOKING_UP_S = 0.2


class Worker:
    """Runs jobs one after another; the thread ends with the process."""

    def __init__(self) -> None:
        self._jobs: queue.Queue[Callable[[], None]] = queue.Queue()
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        """Whether a job is running or waiting."""
        return self._jobs.unfinished_tasks > 0

    @property
    def has_worked(self) -> bool:
        """Whether there ever was a job."""
        return self._thread is not None

    def submit(self, job: Callable[[], None]) -> None:
        """Adds a job, which must not raise. Does not block. Only one thread may submit."""
        self._jobs.put(job)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="worker", daemon=True)
            self._thread.start()

    def finish(self, is_in_vain: Callable[[], bool]) -> None:
        """Blocks until every job is done, or until nobody wants the rest.

        Args:
          is_in_vain: asked some times a second.
        """
        with self._jobs.all_tasks_done:
            while self._jobs.unfinished_tasks and not is_in_vain():
                self._jobs.all_tasks_done.wait(_LOOKING_UP_S)

    def _run(self) -> None:
        while True:
            job = self._jobs.get()
            try:
                job()
            finally:
                self._jobs.task_done()
