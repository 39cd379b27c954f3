"""Progress where there is a terminal and where there is none."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from training.reporting.progress_bar import progress_bar


def test_lines_are_few_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("match", 100, "games", done=40) as advance:
        for _ in range(60):
            advance(1, "5-3-2 W-D-L")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert re.fullmatch(r"match 100/100 games, 0:00 left  5-3-2 W-D-L\n", captured.err)


def test_a_share_is_shown_in_percent(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("packing", 100, "%") as advance:
        advance(99.5, "")
        advance(0.5, "")
    assert capsys.readouterr().err == "packing 100 %, 0:00 left\n"


def test_a_bar_with_a_note_on_a_terminal() -> None:
    program = (
        "from training.reporting.progress_bar import progress_bar\n"
        "with progress_bar('match', 4, 'games', done=2) as advance:\n"
        "    advance(1, '[1-0-0]')\n    advance(1, '[2-0-0]')\n"
    )
    main, terminal = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=terminal,
        check=True,
        env=environment,
        cwd=Path(__file__).parents[3],
    )
    os.close(terminal)
    shown = os.read(main, 100_000).decode()
    os.close(main)
    assert done.stdout == b""
    assert "4/4" in shown and "[2-0-0]" in shown
