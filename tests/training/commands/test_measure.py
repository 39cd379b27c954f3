"""The command line: figures on stdout, JSON, PGN, one-line errors, instant help."""

import json
import math
import shlex
import sys
from pathlib import Path
from typing import Any

import chess.pgn
import pytest

from engine.command_line import run_command

DATA = Path(__file__).parents[2] / "data"
FAKE = shlex.join([sys.executable, str(Path(__file__).parents[2] / "doubles" / "fake_uci_engine.py")])
TWO_POSITIONS = "g1\t7k/8/8/8/8/8/8/K7 w - - 0 1\tW000__\ng2\t7k/8/8/8/8/8/8/K7 b - - 0 1\t101000\n"


def run(tmp_path: Path, *arguments: str) -> dict[str, Any]:
    file = tmp_path / "figures.json"
    assert run_command(arguments[0], [*arguments[1:], "--json", str(file)]) == 0
    content: dict[str, Any] = json.loads(file.read_text())
    return content


def error(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run_command(arguments[0], arguments[1:]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.startswith(f"recursezero {arguments[0]}: ") for line in lines].index(True) == len(lines) - 1
    return lines[-1]


def test_regret_through_uci(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    positions = tmp_path / "positions.tsv"
    positions.write_text(TWO_POSITIONS)
    arguments = ["regret", "--engine", FAKE, "--positions", str(positions), "--option", "Level=2"]
    content = run(tmp_path, *arguments)
    assert content["measure"] == "regret"
    assert content["n"] == 2
    engine = content["engine"]
    assert (engine["name"], engine["command"], engine["options"]) == ("Fake 1", FAKE, {"Level": "2"})
    assert (engine["limit"], engine["protocol"], len(engine["program_sha256"])) == ("nodes=1", "uci", 64)
    assert content["command"].startswith("recursezero regret --engine ")
    # The first moves by UCI text give away 2047/4095 and 0.
    assert content["figures"]["regret"]["mean"] == pytest.approx(2047 / 4095 / 2)
    assert content["figures"]["regret"]["standard_error"] == pytest.approx(2047 / 4095 / 2)
    out = capsys.readouterr().out
    assert "regret of Fake 1" in out
    assert "0.2499 ± 0.2499" in out
    assert run(tmp_path, *arguments, "--first", "1")["figures"]["regret"]["standard_error"] is None


def test_puzzles_through_uci(tmp_path: Path) -> None:
    content = run(tmp_path, "puzzles", "--engine", FAKE, "--puzzles", str(DATA / "puzzles.csv"))
    assert content["n"] == 60
    bands = content["figures"]["solved_by_band"]
    assert sum(band["n"] for band in bands.values()) == 60
    assert all(int(band) % 400 == 0 for band in bands)


def test_puzzles_are_a_command_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--engine", FAKE, "--puzzles", str(DATA / "puzzles.csv"), "--first", "2"]
    assert run_command("puzzles", arguments) == 0
    assert "puzzles of Fake 1" in capsys.readouterr().out
    assert run_command("puzzles", ["--puzzles", "absent.csv"]) == 2
    assert capsys.readouterr().err.startswith("recursezero puzzles: expected ")
    assert run_command("puzzles", ["--help"]) == 0
    assert capsys.readouterr().out.startswith("usage: recursezero puzzles ")


def test_games_against_the_random_mover(tmp_path: Path) -> None:
    arguments = ["random", "--engine", FAKE, "--games", "4", "--max-plies", "30", "--seed", "5"]
    content = run(tmp_path, *arguments)
    figures = content["figures"]
    assert content["n"] == figures["wins"] + figures["draws"] + figures["losses"] == 4
    assert sum(figures["paired"]["pentanomial"]) == 2
    assert content["settings"]["seed"] == 5
    del content["finished_utc"]
    again = run(tmp_path, *arguments)
    del again["finished_utc"]
    assert again == content


def test_faults_are_losses_and_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pgn = tmp_path / "games.pgn"
    crashing = f"{FAKE} --fault crash --at 1"
    content = run(tmp_path, "random", "--engine", crashing, "--games", "4", "--pgn", str(pgn))
    figures = content["figures"]
    assert (figures["wins"], figures["draws"], figures["losses"]) == (0, 0, 4)
    assert figures["first_faults"] == {"illegal move": 0, "crash": 4, "time loss": 0, "stall": 0}
    assert figures["paired"]["elo"] is None  # unbounded
    assert math.isfinite(figures["paired"]["elo_high_95"])
    assert "own faults   illegal move 0, crash 4, time loss 0, stall 0" in capsys.readouterr().out
    with pgn.open() as stream:
        games = [chess.pgn.read_game(stream) for _ in range(5)]
    assert [game is not None for game in games] == [True] * 4 + [False]
    assert games[0] is not None and games[0].headers["Termination"] == "abandoned"


def test_a_failing_engine_stops_a_measurement(capsys: pytest.CaptureFixture[str]) -> None:
    positions = ["--positions", str(DATA / "labels-all.tsv")]
    text = error(capsys, "regret", "--engine", f"{FAKE} --fault illegal --at 2", *positions)
    assert "expected a legal move from Fake 1" in text


def test_errors_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = str(DATA / "labels-all.tsv")
    absent = str(tmp_path / "absent")
    regret = ["regret", "--engine", FAKE, "--positions"]
    assert "No such file" in error(capsys, *regret, absent)
    assert "got 'absent-engine'" in error(capsys, "regret", "--engine", "absent-engine", "--positions", labels)
    assert "even number of games" in error(capsys, "random", "--engine", FAKE, "--games", "3")
    assert "network.json" in error(capsys, *regret[:1], "--positions", labels, "--weights", absent)
    assert "existing folder" in error(capsys, *regret, labels, "--json", f"{absent}/x.json")
    assert "--weights only for" in error(capsys, *regret, labels, "--weights", absent)
    assert "--in-process without" in error(capsys, *regret, labels, "--in-process")
    assert "got an empty one" in error(capsys, "regret", "--engine", "", "--positions", labels)
    assert "Name=Value" in error(capsys, *regret, labels, "--option", "Level")
    pgn = ["--pgn", f"{absent}/x.pgn"]
    assert "writable file for PGN" in error(capsys, "random", "--engine", FAKE, "--games", "2", *pgn)


@pytest.mark.teacher
def test_stockfish_beats_the_random_mover(tmp_path: Path) -> None:
    from training.evaluation.engines.engine_spec import stockfish_command

    figures = run(tmp_path, "random", "--engine", stockfish_command()[0], "--games", "6")["figures"]
    assert figures["wins"] == 6
    assert figures["distinct_games"] == 6
