"""Watching runs on the terminal, on a page, and as a command."""

import io
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console

from engine.command_line import run_command
from tests.doubles.run_files import line, make_run
from tests.doubles.talk_http import ask, serving
from training.reporting.run_metrics import open_runs
from training.reporting.watch_page import WatchPage
from training.reporting.watch_terminal import course, run_table


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    first = make_run(tmp_path / "first", line(50, policy_loss=1.25, top1=0.5), line(100, policy_loss=1.0, top1=0.6))
    return [first, make_run(tmp_path / "second [x]", line(50, policy_loss=2.0), "broken\n")]


def table_rows(folders: list[Path]) -> tuple[str, dict[str, str]]:
    """Returns the table that the terminal shows, and its rows by their titles."""
    console = Console(file=io.StringIO(), width=160)
    console.print(run_table(open_runs(folders)))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    return text, {row.split("│")[1].strip(): row for row in text.splitlines() if row.startswith("│")}


def test_a_run_of_self_play_shows_what_it_learns(tmp_path: Path) -> None:
    figures = {"loss": 1.5, "q_correlation": 0.5, "ratio": 0.9, "games_per_s": 12.0, "against_tactical/score": 0.76}
    _, rows = table_rows([make_run(tmp_path / "game", line(10, **figures))])
    assert "76.0%" in rows["score against tactical"] and "12" in rows["games a second"]
    assert "0.5" in rows["model's action values, correlation with the rules'"] and "0.9" in rows["importance ratio"]
    assert "score against random" not in rows


def test_the_table_has_a_column_a_run(folders: list[Path]) -> None:
    text, rows = table_rows(folders)
    assert "first" in text and "second [x]" in text
    assert "1" in rows["policy loss"] and "2" in rows["policy loss"]
    assert "60.0%" in rows["top-1 agreement with the teacher, batch"]
    assert "step 100" in rows["progress"] and "step 50" in rows["progress"]
    assert "lines that could not be read" in rows


def test_a_course_is_drawn_from_low_to_high() -> None:
    assert course([0, 1, 2, 3]) == "▁▃▆█" and course([5, 5]) == "▁▁" and course([]) == ""


def test_the_page(folders: list[Path]) -> None:
    with serving(WatchPage(open_runs(folders)).site()) as server:
        content = ask(server, "GET", "/api/runs").json()
        assert [run["name"] for run in content["runs"]] == ["first", "second [x]"]
        assert content["figures"][0] == {"name": "policy_loss", "title": "policy loss", "values": ["1", "2"]}
        with (folders[0] / "metrics.jsonl").open("a") as file:
            file.write(line(150, policy_loss=0.5))
        content = ask(server, "GET", "/api/runs").json()
        assert content["figures"][0]["values"] == ["0.5", "2"] and content["runs"][0]["step"] == 150
        plot = ask(server, "GET", "/plot.svg?figure=policy_loss")
        assert plot.headers["content-type"] == "image/svg+xml"
        ElementTree.fromstring(plot.body)
        narrow = ElementTree.fromstring(ask(server, "GET", "/plot.svg?figure=policy_loss&width=300").body)
        assert narrow.get("width") == "300"
        for width in ("0", "99999", "x", "-300", ""):
            assert ask(server, "GET", f"/plot.svg?figure=policy_loss&width={width}").status == (400 if width else 200)
        for path in ("/plot.svg", "/plot.svg?figure=nothing", "/../run_metrics.py"):
            assert ask(server, "GET", path).status == 404
        for path in ("/", "/watch.js", "/watch.css"):
            assert ask(server, "GET", path).status == 200
        assert ask(server, "GET", "/", None, {"Host": "example.org"}).status == 403


def test_the_command_prints_once_and_plots(
    folders: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = [str(folder) for folder in folders]
    # Without a terminal it does not go on for ever.
    for arguments in (texts, [*texts, "--once"]):
        assert run_command("watch", arguments) == 0
        assert "policy loss" in capsys.readouterr().out
    assert run_command("watch", [*texts, "--plot", str(tmp_path / "plots.svg")]) == 0
    ElementTree.parse(tmp_path / "plots.svg")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["missing"], "expected the folder of a run"),
        (["first", "--plot", "out.png"], "ends in .svg"),
        (["first", "--plot", "out.svg", "--figure", "los"], "expected figures that the runs have"),
        (["first", "--figure", "loss"], "expected --plot FILE with --figure"),
        (["first", "--every", "0"], "expected a number above 0 for --every"),
        (["first", "first"], "expected different runs"),
    ],
)
def test_a_mistake_is_one_line(
    folders: list[Path],
    arguments: list[str],
    text: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folders[0].parent)
    assert run_command("watch", arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("recursezero watch: ") and text in error and error.count("\n") == 1
