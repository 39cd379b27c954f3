"""Reading the figures of a run while it is written, cut, gone on with, and damaged."""

from pathlib import Path

import pytest

from tests.doubles.run_files import line, make_ladder, make_run
from training.reporting.run_metrics import EloPoint, RunMetrics, RunMetricsError, open_runs
from training.runs.run_log import RunLog


def test_reads_what_the_run_log_writes(tmp_path: Path) -> None:
    log = RunLog(tmp_path)
    log.write(50, {"loss": 1.5, "top1": 0.25})
    log.write(50, {"validation/regret": 0.04})
    log.close()
    run = RunMetrics(tmp_path, "mine")
    assert run.step == 50 and run.latest("loss") == 1.5 and run.latest("validation/regret") == 0.04
    assert run.latest("nothing") is None and run.bad_lines == 0


def test_reads_only_what_is_new_and_only_whole_lines(tmp_path: Path) -> None:
    path = make_run(tmp_path, line(1, loss=3.0)) / "metrics.jsonl"
    run = RunMetrics(tmp_path, "mine")
    assert not run.refresh()
    text = line(2, loss=2.0)
    with path.open("a") as file:
        file.write(text[:20])
        file.flush()
        assert not run.refresh() and run.step == 1
        file.write(text[20:] + line(3, loss=1.0)[:5])
        file.flush()
        assert run.refresh() and run.series["loss"] == [(1, 3.0), (2, 2.0)]
        file.write(line(3, loss=1.0)[5:])
    assert run.refresh() and run.latest("loss") == 1.0 and run.bad_lines == 0


def test_bad_lines_are_counted_and_left_out(tmp_path: Path) -> None:
    bad = ["not json\n", "[1]\n", "null\n", "{}\n", '{"step": "x", "time": 1}\n', "\n", "\xff\n", "[" * 5000 + "\n"]
    odd = '{"step": 3, "time": 3, "loss": NaN, "text": "x", "flag": true, "top1": 0.5, "huge": Infinity}\n'
    run = RunMetrics(make_run(tmp_path, line(1, loss=3.0), *bad, odd, line(4, loss=1.0)), "mine")
    assert run.bad_lines == len(bad)
    assert run.series == {"loss": [(1, 3.0), (4, 1.0)], "top1": [(3, 0.5)]}


def test_steps_written_again_replace_the_old_ones(tmp_path: Path) -> None:
    lines = [line(1, loss=5.0), line(2, loss=4.0), line(3, loss=3.0), line(2, loss=4.5), line(3, top1=0.1)]
    run = RunMetrics(make_run(tmp_path, *lines), "mine")
    assert run.series["loss"] == [(1, 5.0), (2, 4.5)] and run.step == 3


def test_another_file_is_read_from_its_start(tmp_path: Path) -> None:
    run = RunMetrics(make_run(tmp_path, line(1, loss=5.0), line(2, loss=4.0)), "mine")
    make_run(tmp_path, line(1, loss=9.0))
    assert run.refresh() and run.series["loss"] == [(1, 9.0)]
    (tmp_path / "metrics.jsonl").unlink()
    assert not run.refresh() and run.step == 1


def test_a_run_that_has_not_logged_yet_is_empty(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    run = RunMetrics(tmp_path, "mine")
    assert run.step == 0 and run.last_time_s is None
    make_run(tmp_path, line(1, loss=5.0))
    assert run.refresh() and run.step == 1


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(RunMetricsError, match="expected the folder of a run"):
            RunMetrics(folder, "mine")


def test_names_are_the_shortest_that_differ(tmp_path: Path) -> None:
    folders = [make_run(tmp_path / part, line(1)) for part in ("a/x", "b/x", "b/y")]
    assert [run.name for run in open_runs(folders)] == ["a/x", "b/x", "b/y"]
    assert [run.name for run in open_runs(folders[1:])] == ["x", "y"]
    with pytest.raises(RunMetricsError, match="twice"):
        open_runs([folders[0], folders[0] / "."])


def test_a_folder_of_runs_is_all_of_them(tmp_path: Path) -> None:
    for name in ("b", "a"):
        make_run(tmp_path / "many" / name, line(1))
    (tmp_path / "many" / "notes").mkdir()
    single = make_run(tmp_path / "single", line(1))
    assert [run.name for run in open_runs([tmp_path / "many", single])] == ["a", "b", "single"]
    with pytest.raises(RunMetricsError, match="twice"):
        open_runs([tmp_path / "many", tmp_path / "many" / "a"])
    with pytest.raises(RunMetricsError, match="expected the folder of a run"):
        open_runs([tmp_path / "many" / "notes"])


def test_ratings_are_placed_by_the_time_they_were_finished(tmp_path: Path) -> None:
    # 1,700,000,000 s is 2023-11-14 22:13:20 UTC.
    run = RunMetrics(make_run(tmp_path, line(10, loss=1.0), line(20, loss=1.0), line(30, loss=1.0)), "mine")
    make_ladder(tmp_path / "b.json", "2023-11-14T22:13:45+00:00", {"elo": 900.0, "low_95": 850.0, "high_95": None})
    make_ladder(tmp_path / "a.json", "2023-11-14T22:13:31+00:00", {"elo": 800.0, "low_95": 750.0, "high_95": 850.0})
    make_ladder(tmp_path / "c.json", "2023-11-14T22:13:31+00:00", {"elo": None, "low_95": None, "high_95": 100.0})
    for name, text in (
        ("d.json", "not json"),
        ("e.json", "[]"),
        ("f.json", '{"measure": "match"}'),
        ("config.json", "{}"),
    ):
        (tmp_path / name).write_text(text)
    assert run.elo_points() == [EloPoint(10, 800.0, 750.0, 850.0), EloPoint(20, 900.0, 850.0, None)]
