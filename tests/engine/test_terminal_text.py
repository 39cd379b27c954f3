"""Output on terminals that cannot show every character."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.command_line import COMMANDS
from tests.doubles.engine_process import REAL

ROOT = Path(__file__).resolve().parents[2]
# Nothing in it lets Python choose UTF-8 all the same.
_POSIX = {"PYTHONIOENCODING": "ascii", "LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}


def test_similar_characters_stand_for_those_that_a_terminal_cannot_show() -> None:
    code = "from engine.command_line import exit_status\nexit_status('name', lambda: print('1 ± 2 … ▁█ ♞'))"
    environment = {"PYTHONIOENCODING": "ascii", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="ascii", env=environment)
    assert (done.stdout, done.stderr) == ("1 +- 2 ... _# ?\n", "")


@pytest.mark.parametrize("words", [[], *([name] for name in COMMANDS)], ids=" ".join)
@pytest.mark.slow
def test_every_help_is_shown_in_a_posix_locale(words: list[str]) -> None:
    arguments = [word for name in words for word in name.split()]
    environment = {**os.environ, **_POSIX}
    done = subprocess.run([*REAL, *arguments, "--help"], capture_output=True, encoding="ascii", env=environment)
    assert done.returncode == 0 and "usage: recursezero" in done.stdout and "?" not in done.stdout.splitlines()[0]
