import pytest

from engine.player.evaluator import BATCH
from engine.player.response_time import ResponseTime


def test_nothing_is_predicted_before_anything_was_seen() -> None:
    assert ResponseTime(BATCH).predicted_s(1) == ResponseTime(BATCH).predicted_s(200) == 0.0


def test_a_batch_not_seen_yet_costs_as_much_as_its_boards_alone() -> None:
    time = ResponseTime(BATCH)
    time.note(1, 0.002)
    assert time.predicted_s(30) == pytest.approx(0.06)
    assert time.predicted_s(0) == 0.0


def test_a_batch_costs_the_same_for_any_number_of_boards_in_it() -> None:
    time = ResponseTime(BATCH)
    time.note(1, 0.002)
    time.note(2, 0.04)
    assert time.predicted_s(2) == time.predicted_s(BATCH) == pytest.approx(0.04)
    assert time.predicted_s(BATCH + 1) == pytest.approx(0.08)
    assert time.predicted_s(1) == pytest.approx(0.002)


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
    assert time.predicted_s(8) == time.predicted_s(64) == pytest.approx(0.1)
    assert time.predicted_s(65) == pytest.approx(0.2)
