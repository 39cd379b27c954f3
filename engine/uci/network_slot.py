"""Which network is asked for, and whether it has been loaded."""

import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.player.backend import Backend

if TYPE_CHECKING:  # NumPy comes with it, which the answer to `uci` does not wait for
    from engine.player.evaluator import RecursiveEvaluator


@dataclass(frozen=True)
class WeightsRequest:
    """What is to be loaded."""

    folder: Path | None  # None: the shipped network
    threads: int  # of XLA's CPU backend; only the first load of a process can set them
    backend: Backend = "auto"
    tolerance: float = 0.0  # of the solver; 0: the network's own

    def is_loaded_like(self, other: "WeightsRequest") -> bool:
        """Whether both ask for the same programs."""
        return (self.folder, self.backend, self.tolerance) == (other.folder, other.backend, other.tolerance)


LoadEvaluator = Callable[[WeightsRequest], "RecursiveEvaluator"]


class NetworkSlot:
    """Loads the network asked for, once; whoever uses it keeps the last one if that fails."""

    def __init__(self, load_evaluator: LoadEvaluator, request: WeightsRequest) -> None:
        self._load_evaluator = load_evaluator
        self._request = request
        self._tried: WeightsRequest | None = None
        self._lock = threading.Lock()
        self.problem = ""  # why the last load failed, one line; empty if it did not
        self.threads_in_use: int | None = None  # None until a load was tried

    @property
    def settled(self) -> bool:
        """Whether the last request has been loaded or has failed."""
        with self._lock:
            return self._tried is not None and self._tried.is_loaded_like(self._request)

    def ask(self, request: WeightsRequest) -> None:
        """Notes what `load` is to load; the same is loaded again only if it failed."""
        with self._lock:
            if self.problem:
                self._tried = None
            self._request = request

    def load(self) -> "RecursiveEvaluator | None":
        """Loads the last request unless that was done; blocks, for seconds.

        Returns:
          The network, or None if there was nothing to do or it failed; then `problem` says why.
        """
        if self.settled:
            return None
        with self._lock:
            request = self._request
        evaluator, problem = self._try_to_load(request)
        with self._lock:
            self.problem = problem
            self._tried = request
        return evaluator

    def _try_to_load(self, request: WeightsRequest) -> "tuple[RecursiveEvaluator | None, str]":
        if self.threads_in_use is None:
            self.threads_in_use = request.threads
        try:
            return self._load_evaluator(request), ""
        except Exception as error:
            # A library may fail in any way on a damaged folder; the session must live on.
            if not isinstance(error, ValueError):
                traceback.print_exc(file=sys.stderr)
            return None, " ".join(f"{error}".split()) or type(error).__name__
