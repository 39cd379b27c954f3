"""The description of an installation: complete, also when something in it is broken."""

import subprocess
from pathlib import Path

import pytest

from engine.doctor import examine
from engine.version import VERSION
from tests.doubles.engine_process import REAL, STUB, needs_weights

SECTIONS = ("program", "system", "network", "cache", "engine", "device")


def told(text: str) -> dict[str, str]:
    """Returns what the indented lines tell, by name."""
    lines = [line.strip().partition(" ") for line in text.splitlines() if line.startswith("  ")]
    return {name: value.strip() for name, _, value in lines}


@needs_weights
def test_one_screen_tells_all_of_a_sound_installation(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("engine.doctor.own_engine_command", lambda _: STUB)
    monkeypatch.setenv("XLA_FLAGS", "--polka")
    assert examine(None) == 0
    text = capsys.readouterr().out
    assert [line for line in text.splitlines() if not line.startswith(" ")] == [*SECTIONS, "no fault found"]
    assert len(text.splitlines()) <= 24
    facts = told(text)
    assert facts["version"] == VERSION and "jaxlib 0." in facts["packages"] and "chess 1." in facts["packages"]
    assert "threads usable" in facts["processor"] and "XLA_FLAGS=--polka" in facts["environment"]
    assert facts["folder"] and len(facts["sha256"]) == 64
    assert facts["start"].endswith("s to the first move") and " ms (median of 20; slowest " in facts["move"]


def test_what_is_broken_is_told_and_so_is_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("engine.doctor.own_engine_command", lambda _: ("absent-engine",))
    monkeypatch.setattr("engine.doctor._PACKAGES", ("absent-package",))
    assert examine(tmp_path) == 1
    text = capsys.readouterr().out
    assert text.splitlines()[-1] == "faults: network, engine"
    assert "absent-package missing" in text and "expected a network's folder" in text and "absent-engine" in text
    assert "computes" in told(text)


def test_an_engine_that_does_not_move_is_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("engine.doctor.own_engine_command", lambda _: (*STUB, "--weights", str(tmp_path)))
    monkeypatch.setattr("engine.uci_client.UciClient.scores", lambda *_: [])
    assert examine(None) == 1
    assert "expected a move from the engine, got none" in capsys.readouterr().out


@needs_weights
@pytest.mark.slow
def test_the_program_describes_itself_from_any_folder(tmp_path: Path) -> None:
    done = subprocess.run([*REAL, "doctor"], cwd=tmp_path, capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.endswith("no fault found\n")
    assert told(done.stdout)["move"].partition(" ")[0].isdecimal()
