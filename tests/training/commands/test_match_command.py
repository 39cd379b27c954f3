"""`recursezero match`: figures, PGN, resuming, faults, options, one-line errors, instant help."""

import json
import math
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import chess.pgn
import pytest

from engine.command_line import run_command

ROOT = Path(__file__).parents[3]
FAKE = shlex.join([sys.executable, str(Path(__file__).parents[2] / "doubles" / "fake_uci_engine.py")])
FAKE_X = shlex.join([sys.executable, str(Path(__file__).parents[2] / "doubles" / "fake_xboard_engine.py")])
LAST = f"{FAKE} --last"
QUICK = ["--limit", "nodes=1", "--max-plies", "24"]


def run(tmp_path: Path, *arguments: str) -> dict[str, Any]:
    file = tmp_path / "figures.json"
    assert run_command("match", [*arguments, "--json", str(file)]) == 0
    content: dict[str, Any] = json.loads(file.read_text())
    return content


def error(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run_command("match", arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("recursezero match: ")
    return line


def without_times(content: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in content.items() if key not in ("finished_utc", "command")}


def test_a_match_prints_and_writes_its_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pgn = tmp_path / "games.pgn"
    engines = [FAKE, LAST, "--name2", "Last", "--option1", "Level=2"]
    content = run(tmp_path, *engines, *QUICK, "--games", "6", "--seed", "3", "--pgn", str(pgn))
    figures, settings = content["figures"], content["settings"]
    assert (content["measure"], content["n"]) == ("match", 6)
    assert content["command"].startswith("recursezero match ")
    assert figures["wins"] + figures["draws"] + figures["losses"] == 6
    assert (content["engine"]["name"], content["engine"]["options"]) == ("Fake 1", {"Level": "2"})
    assert (settings["second"]["name"], settings["second"]["limit"]) == ("Last", "nodes=1")
    assert (settings["openings"]["book"], settings["openings"]["seed"]) == ("built-in", 3)
    assert settings["rules"] == {"max_plies": 24, "resign": None, "draw": None}
    out = capsys.readouterr().out
    for text in (
        "Fake 1 - Last",
        "results      +",
        "Elo          ",
        "LOS          ",
        "pairs 0..2   ",
        "distinct     6",
    ):
        assert text in out
    with pgn.open() as stream:
        games = [game for _ in range(6) if (game := chess.pgn.read_game(stream)) is not None]
    assert [game.headers["Round"] for game in games] == ["1", "1", "2", "2", "3", "3"]
    assert [game.headers["White"] for game in games[:2]] == ["Fake 1", "Last"]


def test_the_same_engine_twice_gets_two_names_and_repeats_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    book = tmp_path / "book.txt"
    book.write_text("e2e4\n")
    content = run(tmp_path, FAKE, FAKE, *QUICK, "--games", "4", "--openings", str(book), "--concurrency", "2")
    assert (content["engine"]["name"], content["settings"]["second"]["name"]) == ("Fake 1 (1)", "Fake 1 (2)")
    assert content["figures"]["distinct_games"] == 1
    assert "warning      3 games repeat others" in capsys.readouterr().out


def test_a_match_goes_on_where_it_stopped(tmp_path: Path) -> None:
    engines = [FAKE, LAST, *QUICK, "--seed", "5"]
    whole = run(tmp_path, *engines, "--games", "6")
    save = ["--out", str(tmp_path / "games.jsonl")]
    run(tmp_path, *engines, "--games", "2", *save)
    resumed = run(tmp_path, *engines, "--games", "6", *save, "--resume")
    assert without_times(resumed) == without_times(whole)
    assert len((tmp_path / "games.jsonl").read_text().splitlines()) == 7


def test_faults_are_losses_and_the_process_is_started_again(tmp_path: Path) -> None:
    engines = [f"{FAKE} --fault crash --at 3", LAST, "--stall-s", "20"]
    figures = run(tmp_path, *engines, *QUICK, "--games", "4")["figures"]
    assert (figures["wins"], figures["draws"], figures["losses"]) == (0, 0, 4)
    assert figures["first_faults"] == {"illegal move": 0, "crash": 4, "time loss": 0, "stall": 0}
    assert figures["paired"]["elo"] is None  # unbounded
    assert math.isfinite(figures["paired"]["elo_high_95"])
    hanging = run(tmp_path, FAKE, f"{FAKE} --fault hang --at 2", *QUICK, "--games", "2", "--stall-s", "0.3")
    assert hanging["figures"]["second_faults"]["stall"] == 2
    slow = ["--limit", "tc=0.15", "--margin-ms", "0", "--max-plies", "40"]
    late = run(tmp_path, FAKE, f"{FAKE} --fault slow --at 2", *slow, "--games", "2")
    assert late["figures"]["second_faults"]["time loss"] == 1  # once: a late process is not started again


def test_an_xboard_engine_takes_part(tmp_path: Path) -> None:
    limits = ["--limit1", "nodes=1", "--limit2", "depth=1", "--max-plies", "20"]
    content = run(tmp_path, FAKE, FAKE_X, "--xboard2", *limits, "--games", "2")
    assert content["settings"]["second"]["name"] == "Fake X"
    assert sum(content["figures"]["second_faults"].values()) == 0


def test_conversations_with_engines_are_logged_where_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    noisy = f"{FAKE} --noise"
    log = tmp_path / "engines.log"
    run(tmp_path, FAKE, noisy, *QUICK, "--games", "2", "--engine-log", str(log))
    text = log.read_text()
    assert "<< go nodes 1" in text and ">> bestmove" in text and "Unexpected engine output: 'noise'" in text
    run(tmp_path, FAKE, noisy, *QUICK, "--games", "2")
    assert "noise" not in capsys.readouterr().err


def test_the_sequential_test_and_adjudication(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    behind = f"{FAKE} --score -900"
    arguments = [FAKE, behind, *QUICK, "--games", "40", "--resign", "600:2", "--sprt", "0:300"]
    content = run(tmp_path, *arguments)
    assert content["figures"]["terminations"] == {"adjudicated win": content["n"]}
    assert content["n"] < 40
    assert content["figures"]["sprt"]["verdict"] == "accepted"
    assert content["figures"]["sprt"]["model"] == "logistic"
    arguments[-1] = "0:30"
    assert run(tmp_path, *arguments, "--sprt-model", "normalized")["figures"]["sprt"]["model"] == "normalized"
    assert "test         LLR " in capsys.readouterr().out
    drawn = run(tmp_path, FAKE, FAKE, *QUICK, "--games", "2", "--draw", "10:1:1")
    assert drawn["figures"]["terminations"] == {"adjudicated draw": 2}


def test_errors_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    two = [FAKE, FAKE, "--limit", "nodes=1"]
    assert "expected a limit for" in error(capsys, FAKE, FAKE)
    assert "network.json" in error(capsys, str(tmp_path), FAKE, "--limit", "nodes=1")
    assert "got 'absent-engine'" in error(capsys, "absent-engine", FAKE, "--limit", "nodes=1")
    complaint = "the options {'Level': '3'}, got its complaint: no such weights"
    complaining = [f"{FAKE} --complaint 'no such weights'", FAKE, "--limit", "nodes=1", "--option1", "Level=3"]
    assert complaint in error(capsys, *complaining)
    no_setboard = f"{FAKE_X} --no-setboard"
    assert "features ping, setboard, got" in error(capsys, no_setboard, FAKE, "--xboard1", "--limit", "depth=1")
    (tmp_path / "network.json").write_text('{"sha256": "0", "format_version": 1, "config": {}}')
    assert "network.json" in error(capsys, str(tmp_path), FAKE, "--limit", "nodes=1")
    assert "even number of games" in error(capsys, *two, "--games", "3")
    assert "--out with --resume" in error(capsys, *two, "--resume")
    log = str(tmp_path / "log")
    assert "--engine-log without --cluster" in error(capsys, *two, "--cluster", "auto", "--engine-log", log)
    assert "that plays Chess960, got" in error(capsys, *two, "--games", "2", "--chess960")
    assert "Name=Value" in error(capsys, *two, "--option1", "Level")
    assert "expected options" in error(capsys, *two, "--games", "2", "--option2", "Colour=red")
    assert "--sprt as" in error(capsys, *two, "--sprt", "5")
    assert "--resign as" in error(capsys, *two, "--resign", "5")
    assert "--draw as" in error(capsys, *two, "--draw", "5:0:1")
    absent = str(tmp_path / "absent" / "x")
    places = {"--json": "existing folder", "--pgn": "writable file", "--out": "--out", "--engine-log": "--engine-log"}
    for option, text in places.items():
        assert text in error(capsys, *two, "--games", "2", option, absent)
    assert "expected a file of games or positions" in error(capsys, *two, "--openings", absent)


@pytest.mark.parametrize("command", [["match", "ENGINE", FAKE, *QUICK], ["random", "--engine", "ENGINE"]])
def test_an_interruption_while_an_engine_starts_ends_the_program(command: list[str], tmp_path: Path) -> None:
    mute = tmp_path / "mute.py"
    mute.write_text("import pathlib, time\npathlib.Path(__file__ + '.started').touch()\ntime.sleep(60)\n")
    # What a shell starts in the background ignores interruptions, and hands that on.
    hearing = (
        "import sys, signal, uci_main\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "sys.exit(uci_main.main(sys.argv[1:]))"
    )
    engine = shlex.join([sys.executable, str(mute)])
    arguments = [engine if argument == "ENGINE" else argument for argument in command]
    call = [sys.executable, "-c", hearing, *arguments]
    with subprocess.Popen(call, cwd=ROOT, stderr=subprocess.PIPE, text=True) as program:
        while not mute.with_name("mute.py.started").exists():
            assert program.poll() is None
            time.sleep(0.02)
        program.send_signal(signal.SIGINT)
        assert (
            program.communicate(timeout=20)[1] == f"recursezero {command[0]}: interrupted\n"
            and program.returncode == 130
        )


@pytest.mark.teacher
def test_stockfish_plays_itself_on_a_clock(tmp_path: Path) -> None:
    from training.evaluation.engines.engine_spec import stockfish_command

    (stockfish,) = stockfish_command()
    arguments = ["--limit", "tc=1+0.05", "--option1", "Skill Level=0", "--max-plies", "20", "--margin-ms", "2000"]
    figures = run(tmp_path, stockfish, stockfish, *arguments, "--games", "2")["figures"]
    assert sum(figures["first_faults"].values()) + sum(figures["second_faults"].values()) == 0
