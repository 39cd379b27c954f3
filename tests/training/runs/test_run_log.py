"""The figures of a run: JSON lines, TensorBoard's events, one line for people."""

import json
from pathlib import Path

import pytest

from training.runs.run_log import RunLog


def test_figures_go_to_both_files_and_a_reopened_log_appends(tmp_path: Path) -> None:
    for step in (1, 2):
        log = RunLog(tmp_path)
        log.write(step, {"loss": 1.23456789, "validation/regret": step})
        log.close()
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2]
    assert lines[0]["loss"] == 1.23457 and lines[1]["validation/regret"] == 2 and lines[0]["time"] > 1.7e9
    assert all(path.stat().st_size > 0 for path in (tmp_path / "tensorboard").iterdir())


def test_lines_are_on_disk_at_once(tmp_path: Path) -> None:
    log = RunLog(tmp_path)
    log.write(7, {"loss": 1.0})
    assert json.loads((tmp_path / "metrics.jsonl").read_text())["step"] == 7
    log.close()


def test_what_a_killed_process_did_not_finish_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1}\n{"step": 2, "lo')
    log = RunLog(tmp_path)
    log.write(2, {})
    log.close()
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [1, 2]


def test_people_read_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = RunLog(tmp_path)
    log.tell("step 1")
    log.close()
    assert capsys.readouterr() == ("", "step 1\n")
