"""Tests of the file that `make EXE=FILE` writes, with a stand-in for Python that installs nothing."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Make = Callable[..., subprocess.CompletedProcess[str]]

ROOT = Path(__file__).parent.parent
# `python -m venv FOLDER` makes a folder whose python installs nothing and whose engine repeats its arguments.
FAKE_PYTHON = """#!/bin/sh
echo "$*" >>"{log}"
mkdir -p "$3/bin"
printf '#!/bin/sh\\nexit {status}\\n' >"$3/bin/python"
printf '#!/bin/sh\\necho engine "$@"\\n' >"$3/bin/recursezero"
chmod +x "$3/bin/python" "$3/bin/recursezero"
"""


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Returns a function that runs `make` on this tree with the stand-in, whose installation ends with a status."""

    def run(*arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        python = tmp_path / "python"
        python.write_text(FAKE_PYTHON.format(log=tmp_path / "log", status=status), encoding="utf-8")
        python.chmod(0o755)
        return subprocess.run(
            ["make", "-C", ROOT, "--no-print-directory", f"PYTHON={python}", *arguments],
            env=os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")},
            capture_output=True,
            text=True,
            encoding="utf-8",
        )

    return run


def test_the_file_starts_an_installation_that_is_made_once(make: Make, tmp_path: Path) -> None:
    first, second = tmp_path / "RecurseZero-AAAA", tmp_path / "an engine"
    for program in (first, second):
        assert make(f"EXE={program}").returncode == 0
        printed = subprocess.check_output([program, "bench", "a b"], text=True, encoding="utf-8")
        assert printed == "engine bench a b\n"
    assert len((tmp_path / "log").read_text(encoding="utf-8").splitlines()) == 1


def test_an_installation_that_failed_is_made_again(make: Make, tmp_path: Path) -> None:
    program = tmp_path / "RecurseZero"
    assert make(f"EXE={program}", status=1).returncode != 0
    assert not program.exists()
    assert make(f"EXE={program}").returncode == 0
    assert program.exists()


def test_without_a_file_the_target_says_what_it_needs(make: Make) -> None:
    result = make("program")
    assert result.returncode != 0
    assert "expected EXE=FILE" in result.stderr
