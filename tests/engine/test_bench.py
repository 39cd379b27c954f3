import itertools

import chess
import pytest

from engine.bench import BENCH_POSITIONS, run_bench
from engine.command_line import run_command
from tests.doubles.fake_evaluator import FakeEvaluator

_BOARDS = [chess.Board(fen) for fen in BENCH_POSITIONS]


def test_the_positions_are_many_different_and_playable() -> None:
    assert len(set(BENCH_POSITIONS)) == len(BENCH_POSITIONS) >= 30
    assert all(board.is_valid() and any(board.legal_moves) for board in _BOARDS)


def test_equal_outputs_have_equal_checksums() -> None:
    first = run_bench(FakeEvaluator(), _BOARDS, rounds=1)
    again = run_bench(FakeEvaluator(), _BOARDS, rounds=2)
    value = run_bench(FakeEvaluator(wdl=(0.5, 0.2, 0.3)), _BOARDS, rounds=1)
    policy = run_bench(FakeEvaluator({"e2e4": 2.0}), _BOARDS, rounds=1)
    assert first.outputs_checksum == again.outputs_checksum
    assert len({first.outputs_checksum, value.outputs_checksum, policy.outputs_checksum}) == 3
    assert first.moves_checksum == again.moves_checksum == value.moves_checksum
    assert policy.moves_checksum != first.moves_checksum


def test_times_are_summed_and_ranked() -> None:
    # A clock whose n-th interval lasts n seconds: 0 1, 1 3, 3 6, ...
    ticks = itertools.accumulate(range(1, 10**6))
    readings = iter([0, *(tick for tick in itertools.islice(ticks, 99) for _ in (0, 1)), 4950 + 100])
    result = run_bench(FakeEvaluator(), _BOARDS[:10], 10, lambda: float(next(readings)))
    assert (result.evaluations, result.seconds) == (100, 5050.0)
    assert (result.median_s, result.p99_s) == (50.0, 99.0)
    assert result.lines()[-1] == "100 nodes 0 nps"


def test_a_missing_network_is_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECURSEZERO_WEIGHTS", "no such folder")
    monkeypatch.setenv("NPROC", "1")
    assert run_command("bench", []) == 2
    assert "expected a folder with weights" in capsys.readouterr().err
