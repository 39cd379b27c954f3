"""Plots of runs: what is overlaid, thinned, and put on the sheet."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.doubles.run_files import line, make_ladder, make_run
from training.reporting.run_figures import duration_text, progress_text
from training.reporting.run_metrics import Point, RunMetrics, open_runs
from training.reporting.run_plots import plot_sheet, plots, thinned

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def runs(tmp_path: Path) -> list[RunMetrics]:
    first = make_run(tmp_path / "first", *(line(step, loss=3.0 / step, residual=0.1) for step in range(1, 500)))
    held_out = {"validation/regret": 0.04, "validation/regret_error": 0.001}
    second = make_run(tmp_path / "second", line(1, loss=2.0), line(1, **held_out), line(9, **held_out))
    return open_runs([first, second])


def test_runs_are_overlaid_and_only_what_there_is_is_plotted(runs: list[RunMetrics]) -> None:
    made = plots(runs)
    assert list(made) == ["loss", "validation/regret", "residual"]
    root = ElementTree.fromstring(made["loss"])
    texts = [text.text for text in root.findall(f"{SVG}text")]
    assert "first" in texts and "second" in texts
    # The band of the standard error.
    assert len(ElementTree.fromstring(made["validation/regret"]).findall(f"{SVG}polygon")) == 1


def test_the_sheet_holds_all_plots(runs: list[RunMetrics]) -> None:
    root = ElementTree.fromstring(plot_sheet(runs))
    places = {(plot.get("x"), plot.get("y")) for plot in root.findall(f"{SVG}svg")}
    assert places == {("0", "0"), ("480", "0"), ("0", "260")}


def test_chosen_figures_are_plotted_in_their_order(runs: list[RunMetrics]) -> None:
    root = ElementTree.fromstring(plot_sheet(runs, ["residual", "loss"]))
    assert [plot.findtext(f"{SVG}text") for plot in root.findall(f"{SVG}svg")] == ["residual", "loss"]
    with pytest.raises(ValueError, match="^expected figures that the runs have, of loss, validation/regret.* got los$"):
        plot_sheet(runs, ["los"])


def test_the_sheet_of_a_run_without_figures_is_empty(tmp_path: Path) -> None:
    ElementTree.fromstring(plot_sheet([RunMetrics(make_run(tmp_path), "mine")]))


def test_ratings_are_plotted(tmp_path: Path) -> None:
    folder = make_run(tmp_path, line(10, loss=1.0), line(20, loss=1.0))
    make_ladder(tmp_path / "a.json", "2024-01-01T00:00:00+00:00", {"elo": 800.0, "low_95": 750.0, "high_95": 850.0})
    assert "Elo" in plots([RunMetrics(folder, "mine")])["elo"]


def test_thinning_keeps_means_and_the_end() -> None:
    points = [Point(step, float(step)) for step in range(1, 11)]
    assert thinned(points, 10) == points
    assert thinned(points, 5) == [Point(2, 1.5), Point(4, 3.5), Point(6, 5.5), Point(8, 7.5), Point(10, 9.5)]
    assert thinned(points, 4)[-1] == Point(10, 10.0) and thinned([], 4) == []


def test_progress(tmp_path: Path) -> None:
    run = RunMetrics(make_run(tmp_path, line(1000, minutes_left=75.5)), "mine")
    assert progress_text(run, lambda: 1_700_001_030.0) == "step 1,000, 1 h 15 min left, 30 s ago"
    assert [duration_text(s) for s in (0.4, 59.4, 61, 3600, 90061)] == [
        "0 s",
        "59 s",
        "1 min 1 s",
        "1 h 0 min",
        "25 h 1 min",
    ]
