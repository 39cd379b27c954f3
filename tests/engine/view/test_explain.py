"""Explaining a position in a file, as a command."""

import base64
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import chess
import numpy as np
import pytest

from engine.command_line import run_command
from engine.view import capture
from tests.doubles.tiny_view import open_tiny

FEN = "r1bqkbnr/pppp1ppp/2n5/4p3/2B1P3/5Q2/PPPP1PPP/RNB1K1NR w KQkq - 4 4"


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "open_network", lambda _folder: open_tiny())


def test_a_picture(tmp_path: Path) -> None:
    out = tmp_path / "out.svg"
    assert run_command("explain", [FEN, "-o", str(out)]) == 0
    root = ElementTree.parse(out).getroot()
    text = " ".join(root.itertext())
    assert "State 3 of 8" in text and "Qxf7#" in text and "attention of" in text and FEN in text
    first = out.read_text()
    assert (
        run_command(
            "explain", [FEN, "-o", str(out), "--state", "0", "--square", "e1", "--head", "2", "--block", "1", "--to"]
        )
        == 0
    )
    assert "attention to e1, block 1, head 2" in out.read_text() != first


def test_data(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    assert run_command("explain", ["startpos", "--moves", "e2e4", "-o", str(out)]) == 0
    content = json.loads(out.read_text())
    assert content["last_move"] == "e2e4" and content["turn"] == "black"
    board = chess.Board()
    board.push_uci("e2e4")
    trace = open_tiny().capture.trace(board)
    np.testing.assert_allclose(content["attention"][4]["weights"], trace.attention[4], atol=6e-5)
    np.testing.assert_allclose(content["network"]["states"][4]["residual"], trace.residual[4], rtol=1e-4)


def test_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("explain", [FEN, "--square", "f3"]) == 0
    text = capsys.readouterr().out
    lines = text.splitlines()
    assert max(map(len, lines[1:])) <= 80
    assert lines[0] == f"State 3 of 8 (played)   {FEN}"
    (rank,) = (line for line in lines if line.startswith("3 "))
    assert [rank[2:26][3 * file + 1] for file in range(8)] == list("·····Q··") and rank[2 + 15] == ">"
    trace = open_tiny().capture.trace(chess.Board(FEN))
    best = chess.Board(FEN).san(trace.evaluation.moves[int(np.argmax(trace.log_probs[3]))])
    first = next(line for line in lines if "████████████████████████" in line)
    assert f"{best:7}{100 * np.exp(trace.log_probs[3]).max():5.1f}%" in first
    assert "White to move; plays Qxf7#" in text and "attention of f3, block 2, mean of heads" in text
    row = next(line for line in lines if line.strip().startswith("3*"))
    assert f"{trace.residual[3]:.3g}" in row
    assert f"played after {trace.evaluation.solver_words}" in text and "3 steps, residual" in text
    assert run_command("explain", [FEN, "--black", "--state", "0"]) == 0
    flipped = capsys.readouterr().out.splitlines()
    assert flipped[2].startswith("1 ") and flipped[10].split()[:8] == list("hgfedcba")


def test_one_file_for_a_browser(tmp_path: Path) -> None:
    out = tmp_path / "out.html"
    assert run_command("explain", [FEN, "-o", str(out), "--head", "1"]) == 0
    text = out.read_text()
    assert text.count("<section") == 9 and text.count("<section hidden>") == 8 and "https://" not in text
    shown = re.findall(r"<section>(.*?)</section>", text)
    assert len(shown) == 1 and shown[0].count("<img ") == 6 and 'alt="board at state 3"' in shown[0]
    (data,) = re.findall(r'<script type="application/json" id="explanation">(.*?)</script>', text)
    assert json.loads(data)["fen"] == FEN
    picture = base64.b64decode(re.findall('base64,([^"]*)', shown[0])[0]).decode()
    assert "head 1" in picture and 'viewBox="20 44 ' in picture


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["nonsense", "-o", "out.svg"], "expected a FEN"),
        ([FEN, "-o", "out.png"], "ends in .svg, .json or .html"),
        ([FEN, "-o", "out.svg", "--square", "k3"], "expected a square"),
        ([FEN, "-o", "out.svg", "--state", "77"], "expected state from 0 to 8"),
        ([FEN, "-o", "out.svg", "--head", "0"], "expected --head from 1 to 2, got 0"),
        ([FEN, "--block", "7"], "expected --block from 1 to 2, got 7"),
        ([FEN, "-o", "out.svg", "--moves", "a1a8"], "expected a legal move"),
        (["7k/5Q2/6K1/8/8/8/8/8 b - - 0 1", "-o", "out.svg"], "expected a position with a legal move"),
        ([FEN, "-o", "no/such/folder/out.svg"], "expected a file in a folder that exists"),
    ],
)
def test_a_mistake_is_one_line(
    arguments: list[str],
    line: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_command("explain", arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("recursezero explain: ") and line in error and error.count("\n") == 1
    assert not list(tmp_path.iterdir())
