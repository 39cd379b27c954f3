"""The benchmark of the start, with an engine that loads nothing."""

import math
import sys
from pathlib import Path

import pytest

from engine.start_bench import Start, measure_start, start_lines
from tests.doubles.engine_process import STUB

_KEEPER = """
import os, pathlib, sys
folder = pathlib.Path(os.environ["XDG_CACHE_HOME"])
folder.mkdir(exist_ok=True)
for line in sys.stdin:
    if line.startswith("go"):
        print("bestmove e2e4", flush=True)
        for name in ("one", "batch"):
            (folder / f"{name}.program").touch()
"""


def test_a_start_is_measured_up_to_its_first_move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUB_LOAD_S", "0.3")
    start = measure_start(STUB, tmp_path)
    assert isinstance(start, Start)
    assert start.wall_s > 0.3 and 0.01 < start.processor_s < 30 and 5 < start.peak_mb < 5000


def test_where_no_system_tells_what_a_process_used_only_the_time_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("os.wait4")
    start = measure_start(STUB, tmp_path)
    assert start.wall_s > 0 and math.isnan(start.processor_s) and math.isnan(start.peak_mb)
    _, cold, warm, _ = start_lines([sys.executable, "-c", _KEEPER], runs=1)
    assert cold.count("unknown here") == warm.count("unknown here") == 2


def test_an_engine_that_does_not_answer_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="^expected an engine that answers and keeps its programs, got [^\n]*$"):
        measure_start([sys.executable, "-c", "input()"], tmp_path)


def test_the_report_has_cold_and_warm_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.start_bench._PATIENCE_S", 5.0)
    title, cold, warm, note = start_lines([sys.executable, "-c", _KEEPER], runs=2)
    assert title.split() == ["start", "wall", "s", "processor", "s", "peak", "memory", "MiB"]
    assert cold.startswith("cold") and warm.startswith("warm") and cold.count("(") == warm.count("(") == 3
    assert note == "median (lowest to highest) of 2 starts each"
