"""Starting the page: what the address says, and mistakes in one line."""

import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from engine.command_line import run_command

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--fen", "nonsense"], "expected a FEN"),
        (["--pgn", "no-such-file.pgn"], "No such file"),
        (["--weights", "no-such-folder", "--no-teacher"], "expected a network's folder"),
        (["--teacher", "no-such-engine-anywhere"], "expected a program for the teacher"),
    ],
)
def test_a_mistake_is_one_line(arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("view", [*arguments, "--no-browser"]) == 2
    error = capsys.readouterr().err.splitlines()
    assert error[-1].startswith("recursezero view: ") and line in error[-1]


@pytest.mark.slow
def test_it_serves_the_shipped_network_until_it_is_interrupted(tmp_path: Path) -> None:
    game = tmp_path / "game.pgn"
    game.write_text("1. e4 e5 *")
    command = [sys.executable, str(ROOT / "uci_main.py"), "view", "--no-browser", "--no-teacher", "--pgn", str(game)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/#fen=.*&moves=e2e4%2Ce7e5&ply=0", address)
        with urllib.request.urlopen(address.partition("#")[0], timeout=20) as response:
            assert b"<title>RecurseZero" in response.read()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0
