"""The benchmark of the training step, with the smallest network."""

import re
from pathlib import Path

import numpy as np
import pytest

from engine.command_line import run_command
from tests.doubles.small_run import SETTINGS
from training.commands.bench_training import race_lines
from training.packed.bench_shards import write_bench_shards
from training.packed.shards import Shards
from training.studies.interleaved_timing import TimedTurns


def test_ratios_are_taken_turn_by_turn() -> None:
    times = TimedTurns(positions=(100, 100), seconds=((1.0, 2.0, 1.0), (3.0, 8.0, 5.0)))
    assert times.ratios(1) == [3.0, 4.0, 5.0]
    ratio = times.ratio(1)
    assert ratio.mean == 4.0 and ratio.standard_error == pytest.approx(1 / np.sqrt(3))
    assert times.rate(1) == 20.0
    assert race_lines(("fast", "slow"), times, "wall")[-1] == "fast: 4.00 ± 0.58 times as fast as slow (3.00 to 5.00)"


def test_bench_positions_are_packed_and_the_same_for_a_seed(tmp_path: Path) -> None:
    write_bench_shards(tmp_path / "a", 150)
    write_bench_shards(tmp_path / "b", 150)
    first, second = Shards(tmp_path / "a"), Shards(tmp_path / "b")
    assert len(first) == 150 and np.array_equal(first.move_values, second.move_values)
    assert np.array_equal(first.positions, second.positions) and first.move_offsets[1] == 20


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--preset", "huge"], "expected a network preset"),
        (["--set", "network.width=x"], "network.width"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("bench --training", arguments) == 2
    text = capsys.readouterr().err
    assert said in text and text.count("\n") == 1


@pytest.mark.slow
def test_three_ways_are_timed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAX_NUMPY_RANK_PROMOTION", "allow")  # the plain step relies on it
    settings = [argument for setting in SETTINGS for argument in ("--set", setting)]
    assert run_command("bench --training", ["--preset", "tiny", *settings, "--rounds", "2", "--steps", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines[1:4]] == ["as trained", "plain", "plain, 64 squares"]
    assert len(lines) == 7 and "times as fast as plain, 64 squares" in lines[5]
    assert re.fullmatch(r"as trained: [\d.]+ GFLOP of products a step, [\d.]+ GFLOP/s, \d+% of the .*", lines[6])
