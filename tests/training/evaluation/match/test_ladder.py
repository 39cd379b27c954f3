"""`recursezero ladder`: figures, conditions, resuming, one-line errors, and real games with Stockfish."""

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.command_line import run_command
from training.evaluation.match.elo import elo_from_score

FAKE = shlex.join([sys.executable, str(Path(__file__).parents[3] / "doubles" / "fake_uci_engine.py")])
# Levels 0 and 1 lose every game, the others draw by the ply limit.
STOCKFISH = f"{FAKE} --last --fails-below 2"
QUICK = ["--engine", FAKE, "--limit", "nodes=1", "--stockfish", STOCKFISH, "--max-plies", "20", "--seed", "2"]


def run(tmp_path: Path, *arguments: str) -> dict[str, Any]:
    file = tmp_path / "ladder.json"
    assert run_command("ladder", [*arguments, "--json", str(file)]) == 0
    content: dict[str, Any] = json.loads(file.read_text())
    return content


def error(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run_command("ladder", arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("recursezero ladder: ")
    return line


def test_a_ladder_with_all_its_conditions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [*QUICK, "--levels", "1,2", "--all-levels", "--games", "6", "--name", "Rated", "--nodes", "50"]
    arguments += ["--option", "Level=3"]
    content = run(tmp_path, *arguments)
    rungs = {rung["level"]: rung for rung in content["figures"]["rungs"]}
    assert (rungs[1]["wins"], rungs[1]["implied_elo"]) == (6, None)
    assert (rungs[2]["draws"], rungs[2]["implied_elo"]) == (6, 1608)
    # 6 + 3 of 12 points: 6 / (1 + 10^((1468 - R) / 400)) + 6 / (1 + 10^((1608 - R) / 400)) = 9.
    elo = content["figures"]["rating"]["elo"]
    assert sum(6 / (1 + 10 ** ((level_elo - elo) / 400)) for level_elo in (1468, 1608)) == pytest.approx(9, abs=1e-4)
    assert elo == pytest.approx((1468 + 1608) / 2 + elo_from_score(0.75), abs=20)
    settings, engine = content["settings"], content["engine"]
    assert (engine["name"], engine["options"], engine["limit"]) == ("Rated", {"Level": "3"}, "nodes=1")
    assert settings["opponent"]["options"] == {"Threads": "1", "Hash": "16"}
    assert settings["level_elo"] == {"1": 1468, "2": 1608}
    out = capsys.readouterr().out
    for text in (
        "Elo          ",
        "level 1      1468 Elo: +6 =0 -0 of 6 games, 100.0 %, alone unbounded Elo, 6 distinct, faults 0 own, 6",
        "options Level=3",
        "50 nodes a move, options Threads=1, Hash=16",
        "openings     built-in",
        "rules        draw at 20 plies",
        "recalibration of January 2023",
        "±100",
        "host ",
    ):
        assert text in out


def test_a_ladder_finds_its_rungs_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    arguments = [*QUICK, "--levels", "1,2,3", "--probe-games", "2", "--games", "4"]
    whole = run(tmp_path, *arguments)["figures"]
    folder = tmp_path / "ladder"
    run(tmp_path, *arguments, "--out", str(folder))
    saved = sorted(folder.glob("*.jsonl"))
    assert [path.with_suffix(".pgn").exists() for path in saved] == [True] * len(saved)
    last = saved[-1]
    last.write_text("".join(last.read_text().splitlines(keepends=True)[:3]))
    resumed = run(tmp_path, *arguments, "--out", str(folder), "--resume")["figures"]
    assert resumed == whole
    assert {rung["games"] for rung in whole["rungs"]} <= {2, 4}
    assert 2 <= sum(rung["games"] == 4 for rung in whole["rungs"]) <= 3


def test_errors_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "different levels" in error(capsys, *QUICK, "--levels", "1,1")
    assert "known strength" in error(capsys, *QUICK, "--levels", "11")
    assert "even number" in error(capsys, *QUICK, "--games", "3")
    assert "even number" in error(capsys, *QUICK, "--probe-games", "3")
    assert "--out with --resume" in error(capsys, *QUICK, "--resume")
    (tmp_path / "file").touch()
    assert "folder for --out" in error(capsys, *QUICK, "--out", str(tmp_path / "file" / "b"))
    assert "existing folder" in error(capsys, *QUICK, "--json", str(tmp_path / "a" / "b"))
    level = ["--stockfish-option", "Skill Level=3"]
    assert "as --levels, got one as --stockfish-option" in error(capsys, *QUICK, *level)
    assert "expected a limit" in error(capsys, "--engine", FAKE, "--stockfish", STOCKFISH)


@pytest.mark.teacher
def test_stockfish_at_few_nodes_against_its_lowest_level(tmp_path: Path) -> None:
    from training.evaluation.engines.engine_spec import stockfish_command

    arguments = ["--engine", stockfish_command()[0], "--limit", "nodes=2000", "--levels", "0", "--nodes", "500"]
    content = run(tmp_path, *arguments, "--games", "4", "--concurrency", "2")
    (rung,) = content["figures"]["rungs"]
    assert rung["games"] == 4
    assert rung["wins"] >= 3
    assert sum(rung["first_faults"].values()) + sum(rung["second_faults"].values()) == 0
    assert content["settings"]["opponent"]["name"].startswith("Stockfish")
