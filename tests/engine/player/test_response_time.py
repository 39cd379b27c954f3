"""How long an evaluation is expected to take."""

import pytest

from engine.player.evaluator import BATCH, FEW
from engine.player.response_time import ResponseTime


def test_nothing_is_predicted_before_anything_was_seen() -> None:
    assert ResponseTime(BATCH).predicted_s(1) == ResponseTime(BATCH).predicted_s(200) == 0.0


def test_a_batch_not_seen_yet_costs_as_much_as_its_boards_alone() -> None:
    time = ResponseTime(BATCH)
    time.note(1, 0.002)
    assert time.predicted_s(BATCH + 1) == pytest.approx(2 * BATCH * 0.002)
    assert time.predicted_s(0) == 0.0


def test_a_batch_costs_the_same_for_any_number_of_boards_in_it() -> None:
    time = ResponseTime(BATCH)
    time.note(1, 0.002)
    time.note(FEW + 1, 0.04)
    assert time.predicted_s(FEW + 1) == time.predicted_s(BATCH) == pytest.approx(0.04)
    assert time.predicted_s(BATCH + 1) == pytest.approx(0.08)
    assert time.predicted_s(1) == pytest.approx(0.002)


def test_a_few_boards_cost_what_so_many_did_or_as_much_as_they_would_alone() -> None:
    time = ResponseTime(BATCH)
    time.note(1, 0.006)
    assert time.predicted_s(2) == pytest.approx(0.012) and time.predicted_s(FEW) == pytest.approx(FEW * 0.006)
    time.note(2, 0.01)
    assert time.predicted_s(2) == pytest.approx(0.01) and time.predicted_s(3) == pytest.approx(0.018)


def test_one_slow_call_is_not_typical() -> None:
    time = ResponseTime(BATCH)
    assert time.typical_s() == 0.0
    for seconds in (0.05, 0.009, 0.01):
        time.note(1, seconds)
    time.note(BATCH, 0.04)
    assert time.typical_s() == pytest.approx(0.01)


def test_a_board_left_over_does_not_make_batches_seem_quicker() -> None:
    time = ResponseTime(BATCH)
    time.note(BATCH + 1, 0.048)
    assert time.predicted_s(2 * BATCH) == pytest.approx(0.096)


def test_a_slow_call_is_remembered_and_then_forgotten() -> None:
    time = ResponseTime(BATCH)
    time.note(1, 1.0)
    time.note(1, 0.002)
    assert time.predicted_s(1) > 0.9
    for _ in range(150):
        time.note(1, 0.002)
    assert time.predicted_s(1) == pytest.approx(0.002)


def test_what_fits_into_one_batch_costs_what_one_batch_does() -> None:
    time = ResponseTime(64)
    time.note(41, 0.1)
    assert time.predicted_s(FEW + 1) == time.predicted_s(64) == pytest.approx(0.1)
    assert time.predicted_s(65) == pytest.approx(0.2)
