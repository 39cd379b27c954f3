"""The packing program: its output and its one-line errors."""

from pathlib import Path

import pytest

from engine.command_line import run_command
from training.packed.shards import Shards

DATA = Path(__file__).resolve().parents[2] / "data"


def test_the_program_packs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["--format", "all", "--in", str(DATA / "labels-all.tsv"), "--out", str(tmp_path / "set")]
    more = ["--exclude", str(DATA / "labels-top4.tsv"), "--validation-percent", "30", "--processes", "1"]
    assert run_command("pack", [*command, *more]) == 0
    train, validation = Shards(tmp_path / "set/train"), Shards(tmp_path / "set/validation")
    assert len(train) + len(validation) == 60 and train.manifest["source"] == "set"
    assert f"packed {len(train)} train + {len(validation)} validation" in capsys.readouterr().out
    assert run_command("pack", [*command, *more]) == 2
    assert "is there already" in capsys.readouterr().err


def test_errors_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ["--out", str(tmp_path / "set"), "--processes", "1"]
    assert run_command("pack", ["--format", "all", "--in", str(tmp_path / "absent.tsv"), *out]) == 2
    assert run_command("pack", ["--format", "all", "--in", str(DATA / "labels-top4.tsv"), *out, "--strict"]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("recursezero pack: expected a file of labels, got") and "absent.tsv" in first
    assert second.startswith("recursezero pack: ") and "labels-top4.tsv, line 1: " in second


def test_nothing_to_pack_is_an_error_and_leaves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty.tsv").touch()
    command = ["--format", "all", "--out", str(tmp_path / "set"), "--processes", "1", "--in"]
    assert run_command("pack", [*command, str(tmp_path / "empty.tsv")]) == 2
    assert (
        "expected at least one position to pack, got none of 0 that were read (left out: 0 duplicate, "
        in capsys.readouterr().err
    )
    assert run_command("pack", [*command, str(DATA / "labels-all.tsv")]) == 0
