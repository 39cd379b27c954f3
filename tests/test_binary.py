"""The executable that `make binary` builds: from another folder, without PATH, and with an empty HOME."""

import contextlib
import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import chess
import chess.engine
import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "dist" / "recursezero"
PROGRAM = FOLDER / ("recursezero.exe" if sys.platform == "win32" else "recursezero")
pytestmark = pytest.mark.binary
_MOST_BYTES = 350_000_000


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns an empty folder, where the first test compiles."""
    return tmp_path_factory.mktemp("home")


def environment(home: Path) -> dict[str, str]:
    return {"HOME": str(home)}


def run(home: Path, *arguments: str, expected: int = 0, text: str = "") -> subprocess.CompletedProcess[str]:
    command = [str(PROGRAM), *arguments]
    done = subprocess.run(
        command, cwd=home, env=environment(home), input=text, capture_output=True, encoding="utf-8", timeout=300
    )
    assert done.returncode == expected, done.stderr
    return done


def test_it_is_small_enough() -> None:
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if not path.is_symlink()) <= _MOST_BYTES


def test_it_speaks_uci(home: Path) -> None:
    done = run(home, text="uci\nisready\nposition startpos moves e2e4\ngo nodes 1\nquit\n")
    lines = done.stdout.splitlines()
    assert "uciok" in lines and "readyok" in lines and re.fullmatch("bestmove [a-h][1-8]{1}[a-h][1-8]", lines[-1])
    assert done.stderr == ""


def test_it_plays_a_whole_game(home: Path) -> None:
    board = chess.Board()
    with chess.engine.SimpleEngine.popen_uci(str(PROGRAM), timeout=120, cwd=home, env=environment(home)) as engine:
        while not board.is_game_over(claim_draw=True) and board.ply() < 400:
            move = engine.play(board, chess.engine.Limit(nodes=1)).move
            assert move is not None and move in board.legal_moves
            board.push(move)
    assert board.ply() > 20


def test_it_plays_a_match_against_itself(home: Path) -> None:
    done = run(home, "match", "recursezero", "recursezero", "--games", "2", "--max-plies", "60", "--pgn", "games.pgn")
    assert "2 games" in done.stdout + done.stderr
    assert (home / "games.pgn").read_text(encoding="utf-8").count("[Result ") == 2


@contextlib.contextmanager
def page(home: Path) -> Iterator[str]:
    command = [str(PROGRAM), "view", "--no-browser"]
    served = subprocess.Popen(command, cwd=home, env=environment(home), stdout=subprocess.PIPE, encoding="utf-8")
    try:
        assert served.stdout is not None
        yield served.stdout.readline().strip()
    finally:
        served.kill()
        served.communicate()


def test_its_page_answers(home: Path) -> None:
    with page(home) as address:
        with urllib.request.urlopen(address) as reply:
            assert b"<html" in reply.read()
        content = json.dumps({"fen": chess.STARTING_FEN}).encode()
        asked = urllib.request.Request(f"{address}api/position", content, {"Content-Type": "application/json"})
        with urllib.request.urlopen(asked) as reply:
            assert json.load(reply)["network"]["played"]["move"]


def test_it_explains_describes_and_examines_itself(home: Path) -> None:
    assert "e4" in run(home, "explain", "startpos").stdout
    run(home, "explain", "startpos", "-o", "out.html")
    assert (home / "out.html").stat().st_size > 10_000
    assert "sha256" in run(home, "describe").stdout
    doctor = run(home, "doctor").stdout
    assert doctor.endswith("no fault found\n") and str(FOLDER) in doctor and "missing" not in doctor


def test_it_computes_what_the_environment_computes(home: Path) -> None:
    own = run(home, "bench", "--rounds", "1").stdout.splitlines()[:2]
    command = [sys.executable, str(ROOT / "uci_main.py"), "bench", "--rounds", "1"]
    # Not the environment of the tests, which compile in another way.
    other = subprocess.run(command, env=environment(home), capture_output=True, encoding="utf-8", check=True)
    assert own == other.stdout.splitlines()[:2]


def test_processes_of_a_command_are_started_from_it(home: Path) -> None:
    labels = ROOT / "tests" / "data" / "labels-all.tsv"
    run(home, "pack", "--format", "all", "--in", str(labels), "--out", "packed", "--processes", "2")
    assert (home / "packed" / "train" / "manifest.json").is_file()


def test_what_it_cannot_do_is_one_line(home: Path) -> None:
    done = run(home, "distil", "--run", "r", "--source", "p:1", "--minutes", "1", expected=2)
    assert re.fullmatch(r"recursezero distil: expected a command that the executable has, got .*\n", done.stderr)
