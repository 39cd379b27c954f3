"""Reads the figures of a run from its metrics.jsonl while the run is still writing it."""

import json
import math
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

METRICS = "metrics.jsonl"
_NOT_FIGURES = {"step", "time"}


class RunMetricsError(ValueError):
    """A folder is not that of a run; the text is one line."""


class Point(NamedTuple):
    """A figure at a step."""

    step: int
    value: float


class EloPoint(NamedTuple):
    """A rating by the ladder of Stockfish's levels, placed at the last step logged before it was finished."""

    step: int
    elo: float
    low_95: float | None  # None where the interval has no bound
    high_95: float | None


class RunMetrics:
    """All figures of one run so far; `refresh` reads what was added since.

    A half-written last line is left for later. A run that goes on from an older checkpoint writes some steps again:
    the newer figures replace the older ones from that step on.

    Args:
      folder: of the run.
      name: how to call it.

    Attributes:
      series: points of each figure, steps ascending.
      bad_lines: how many lines were no figures.

    Raises:
      RunMetricsError: the folder has no figures and no settings of a run.
    """

    def __init__(self, folder: Path, name: str) -> None:
        if not _is_run(folder):
            raise RunMetricsError(f"expected the folder of a run with {METRICS}, got {folder}")
        self.folder, self.name = folder, name
        self._forget()
        self.refresh()

    def _forget(self) -> None:
        self.series: dict[str, list[Point]] = {}
        self.bad_lines = 0
        self._times: list[tuple[float, int]] = []
        self._offset, self._identity = 0, (0, 0)

    @property
    def step(self) -> int:
        """The last step that was logged, 0 before the first."""
        return self._times[-1][1] if self._times else 0

    @property
    def last_time_s(self) -> float | None:
        """When the last line was written, in seconds since 1970."""
        return self._times[-1][0] if self._times else None

    def latest(self, name: str) -> float | None:
        """Returns the newest value of a figure."""
        points = self.series.get(name)
        return points[-1].value if points else None

    def refresh(self) -> bool:
        """Reads what was added; returns whether anything was."""
        try:
            with (self.folder / METRICS).open("rb") as file:
                return self._read(file)
        except FileNotFoundError:
            return False

    def _read(self, file: Any) -> bool:
        status = os.fstat(file.fileno())
        identity = (status.st_dev, status.st_ino)
        if identity != self._identity or status.st_size < self._offset:
            # Another file, or one that was cut: what is known of the old one is wrong.
            self._forget()
            self._identity = identity
        file.seek(self._offset)
        whole, newline, _ = file.read().rpartition(b"\n")
        self._offset += len(whole) + len(newline)
        for line in whole.split(b"\n") if newline else []:
            self._add(line)
        return bool(newline)

    def _add(self, line: bytes) -> None:
        try:
            record = json.loads(line)
            step, time_s = int(record["step"]), float(record["time"])
        except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
            self.bad_lines += 1
            return
        while self._times and self._times[-1][1] > step:
            self._times.pop()
        self._times.append((time_s, step))
        for name, value in _figures(record).items():
            points = self.series.setdefault(name, [])
            while points and points[-1].step >= step:
                points.pop()
            points.append(Point(step, value))

    def elo_points(self) -> list[EloPoint]:
        """Returns the ratings that `recursezero ladder --json` put into the run's folder."""
        points = [self._elo_point(path) for path in sorted(self.folder.glob("*.json")) if path.name != "config.json"]
        return sorted(point for point in points if point is not None)

    def _elo_point(self, path: Path) -> EloPoint | None:
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content["measure"] != "ladder":
                return None
            rating, finished = content["figures"]["rating"], datetime.fromisoformat(content["finished_utc"]).timestamp()
            elo, low, high = (rating[name] for name in ("elo", "low_95", "high_95"))
        except (OSError, ValueError, TypeError, KeyError):
            return None  # Some other file, which is nothing to complain of.
        if not isinstance(elo, int | float):
            return None
        step = max((step for time_s, step in self._times if time_s <= finished), default=self.step)
        return EloPoint(step, float(elo), low, high)


def open_runs(folders: list[Path]) -> list[RunMetrics]:
    """Opens runs; each is named by the shortest end of its path that is unique.

    Args:
      folders: of runs, or of folders of runs.

    Raises:
      RunMetricsError: one of the folders is not of a run and has none in it.
    """
    resolved = [run.resolve() for folder in folders for run in _runs_in(folder)]
    if len(set(resolved)) < len(resolved):
        raise RunMetricsError(f"expected different runs, got one twice: {' '.join(map(str, folders))}")
    depth = 1
    while len({_end(path, depth) for path in resolved}) < len(resolved):
        depth += 1
    return [RunMetrics(path, _end(path, depth)) for path in resolved]


def _is_run(folder: Path) -> bool:
    return (folder / METRICS).is_file() or (folder / "config.json").is_file()


def _runs_in(folder: Path) -> list[Path]:
    """Returns the folder itself if it is of a run, or else the runs directly in it."""
    if _is_run(folder) or not folder.is_dir():
        return [folder]
    return sorted(path for path in folder.iterdir() if _is_run(path)) or [folder]


def _end(path: Path, depth: int) -> str:
    return "/".join(path.parts[-depth:])


def _figures(record: Mapping[str, Any]) -> dict[str, float]:
    """Returns the finite numbers of a line."""
    numbers = {
        name: float(value)
        for name, value in record.items()
        if name not in _NOT_FIGURES and isinstance(value, int | float) and not isinstance(value, bool)
    }
    return {name: value for name, value in numbers.items() if math.isfinite(value)}
