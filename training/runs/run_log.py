"""Logs a run's figures to a JSONL file, to TensorBoard, and as lines on the terminal."""

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.runs.durable_files import drop_unfinished_line


class RunLog:
    """Writes the figures of a run.

    Args:
      folder: the run's folder; `metrics.jsonl` and TensorBoard's events go there.
    """

    def __init__(self, folder: Path) -> None:
        from tensorboardX import SummaryWriter

        path = folder / "metrics.jsonl"
        if path.is_file():
            drop_unfinished_line(path)
        self._lines = path.open("a", encoding="utf-8")
        self._board: Any = SummaryWriter(str(folder / "tensorboard"))

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        """Appends figures to the file and to TensorBoard.

        Args:
          step: batches seen.
          figures: name to value; names with a slash are grouped by TensorBoard.
        """
        rounded = {name: float(f"{value:.6g}") for name, value in figures.items()}
        self._lines.write(json.dumps({"step": step, "time": round(time.time(), 1), **rounded}) + "\n")
        self._lines.flush()
        for name, value in figures.items():
            self._board.add_scalar(name, value, step)

    def tell(self, text: str) -> None:
        """Prints one line for a person."""
        print(text, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Flushes and closes the files."""
        self._lines.close()
        self._board.close()


class SilentLog:
    """Writes nothing: the log of every process of a group but the first."""

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        """Does nothing."""

    def tell(self, text: str) -> None:
        """Does nothing."""

    def close(self) -> None:
        """Does nothing."""
