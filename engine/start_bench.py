"""Measures how long the engine takes to be ready for its first move, with and without kept programs.

Every start is a process of its own behind pipes, as a chess program starts it, and ends with a move of one evaluation:
on a slow machine `readyok` comes before the network is compiled. A cold start has an empty cache folder, a warm one a
folder that holds both programs of the network.
"""

import math
import os
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

_POLL_S = 0.1
_PATIENCE_S = 120.0


class Start(NamedTuple):
    """Holds what one start took."""

    wall_s: float  # from the start of the process to the first move
    processor_s: float  # user and system time until then
    peak_mb: float  # largest resident memory, in MiB


def measure_start(command: Sequence[str], caches: Path, until_kept: int = 0) -> Start:
    """Starts an engine, waits for its first move and kills it.

    Args:
      command: starts the engine.
      caches: the user's cache folder for this start.
      until_kept: lets the engine go on until so many programs are kept.

    Raises:
      ValueError: the engine ended without an answer, or does not keep its programs.
    """
    environment = {**os.environ, "XDG_CACHE_HOME": str(caches)}
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)
    started_s = time.perf_counter()
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, env=environment, encoding="utf-8", **pipes)  # type: ignore[call-overload]
    process.stdin.write("uci\nisready\ngo nodes 1\n")
    process.stdin.flush()
    is_ready = any(line.startswith("bestmove ") and "(none)" not in line for line in process.stdout)
    wall_s = time.perf_counter() - started_s
    if is_ready and until_kept:
        is_ready = _wait_for_programs(caches, until_kept)
    process.stdin.close()
    processor_s, peak_mb = _usage_when_killed(process)
    process.stdout.close()
    if not is_ready:
        raise ValueError(f"expected an engine that answers and keeps its programs, got {' '.join(command)}")
    return Start(wall_s, processor_s, peak_mb)


def _usage_when_killed(process: "subprocess.Popen[str]") -> tuple[float, float]:
    """Kills a process; returns its processor time and peak memory, which are not a number where no system tells."""
    if not hasattr(os, "wait4"):
        process.kill()
        process.wait()
        return math.nan, math.nan
    os.kill(process.pid, signal.SIGKILL)  # Popen's own way might take the exit status, and the usage with it
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def _wait_for_programs(caches: Path, count: int) -> bool:
    deadline_s = time.monotonic() + _PATIENCE_S
    while len(list(caches.rglob("*.program"))) < count and time.monotonic() < deadline_s:
        time.sleep(_POLL_S)
    return time.monotonic() < deadline_s


def start_lines(command: Sequence[str], runs: int) -> list[str]:
    """Measures so many cold and so many warm starts; returns the report."""
    with tempfile.TemporaryDirectory() as folder:
        cold = [measure_start(command, Path(folder) / f"cold{run}") for run in range(runs)]
        full = Path(folder) / "warm"
        measure_start(command, full, until_kept=2)
        warm = [measure_start(command, full) for _ in range(runs)]
    lines = [f"start  {'wall s':24}{'processor s':24}{'peak memory MiB'}"]
    for name, starts in (("cold", cold), ("warm", warm)):
        columns = [_median_and_range(values) for values in zip(*starts, strict=True)]
        lines.append(f"{name:7}{columns[0]:24}{columns[1]:24}{columns[2]}")
    return [*lines, f"median (lowest to highest) of {runs} starts each"]


def _median_and_range(values: Sequence[float]) -> str:
    if math.isnan(sum(values)):
        return "unknown here"
    digits = 0 if min(values) >= 100 else 2
    low, median, high = (f"{value:.{digits}f}" for value in (min(values), statistics.median(values), max(values)))
    return f"{median} ({low} to {high})"
