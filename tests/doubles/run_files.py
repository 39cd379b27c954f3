"""Folders that look like those of runs."""

import json
from pathlib import Path
from typing import Any


def line(step: int, **figures: float) -> str:
    """Returns a line as `training/runs/run_log.py` writes it."""
    return json.dumps({"step": step, "time": 1_700_000_000.0 + step, **figures}) + "\n"


def make_run(folder: Path, *lines: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.jsonl").write_text("".join(lines))
    return folder


def make_ladder(path: Path, finished_utc: str, rating: dict[str, Any]) -> None:
    """Writes a file as `recursezero ladder --json` does."""
    content = {"measure": "ladder", "finished_utc": finished_utc, "figures": {"rating": rating, "rungs": []}}
    path.write_text(json.dumps(content), encoding="utf-8")
