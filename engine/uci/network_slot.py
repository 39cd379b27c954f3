"""Which network is asked for, and whether it has been loaded."""

import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # NumPy comes with it, which the answer to `uci` does not wait for
    from engine.player.evaluator import Evaluator


@dataclass(frozen=True)
class WeightsRequest:
    """What is to be loaded."""

    folder: Path | None  # None: the shipped network
    threads: int  # of XLA's CPU backend; only the first load of a process can set them


class NetworkSlot:
    """Loads the network asked for, once; whoever uses it keeps the last one if that fails."""

    def __init__(self, load_evaluator: Callable[[WeightsRequest], "Evaluator"], request: WeightsRequest) -> None:
        self._load_evaluator = load_evaluator
        self._request = request
        self._loading_needed = True
        self._lock = threading.Lock()
        self.problem = ""  # why the last load failed, one line; empty if it did not
        self.threads_in_use: int | None = None  # None until a load was tried

    @property
    def settled(self) -> bool:
        """Whether the last request has been loaded or has failed."""
        return not self._loading_needed

    def ask(self, request: WeightsRequest) -> None:
        """Notes what `load` is to load; the same folder is loaded again only if it failed."""
        with self._lock:
            if request.folder != self._request.folder or self.problem:
                self._loading_needed = True
            self._request = request

    def load(self) -> "Evaluator | None":
        """Loads the last request unless that was done; blocks, for seconds.

        Returns:
          The network, or None if there was nothing to do or it failed; then `problem` says why.
        """
        with self._lock:
            request, needed = self._request, self._loading_needed
        if not needed:
            return None
        evaluator, problem = self._try_to_load(request)
        with self._lock:
            self.problem = problem
            self._loading_needed = request.folder != self._request.folder
        return evaluator

    def _try_to_load(self, request: WeightsRequest) -> "tuple[Evaluator | None, str]":
        if self.threads_in_use is None:
            self.threads_in_use = request.threads
        try:
            return self._load_evaluator(request), ""
        except Exception as error:
            # A library may fail in any way on a damaged folder; the session must live on.
            if not isinstance(error, ValueError):
                traceback.print_exc(file=sys.stderr)
            return None, " ".join(f"{error}".split()) or type(error).__name__
