"""A Ray cluster of simulated nodes on this machine, and commands that use it."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def ray_cluster(**head: Any) -> Iterator[Any]:
    """Starts a head; more nodes come by `add_node` of `ray.cluster_utils.Cluster`."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"include_dashboard": False, **head})
    try:
        yield cluster
    finally:
        cluster.shutdown()


def start_command(*words: object, errors: Any = subprocess.PIPE) -> subprocess.Popen[str]:
    """Starts `recursezero`, whose process joins the cluster as a program of its own."""
    command = [sys.executable, str(ROOT / "uci_main.py"), *map(str, words)]
    # Where the tests run in the background, Ctrl-C is ignored, and what they start would inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True)
    finally:
        signal.signal(signal.SIGINT, before)


def until(holds: Callable[[], Any], patience_s: float = 120.0) -> None:
    """Waits for something to hold."""
    end_s = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < end_s, "it took too long"
        time.sleep(0.1)
