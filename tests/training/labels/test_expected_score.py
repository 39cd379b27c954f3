"""Scores to expected scores: the formula by hand, its order and its symmetry."""

import pytest

from training.labels.expected_score import cp_to_value, mate_to_value, score_to_value


def test_the_formula_by_hand() -> None:
    assert cp_to_value(0) == pytest.approx(0.5)
    # 1 / (1 + exp(-0.368208)) = 0.591026
    assert cp_to_value(100) == pytest.approx(0.04 + 0.92 * 0.591026, abs=1e-6)
    assert mate_to_value(1, True) == pytest.approx(0.999)
    assert mate_to_value(3, False) == pytest.approx(0.003)
    assert mate_to_value(200, True) == pytest.approx(0.96)


def test_written_mates_are_read_as_mates() -> None:
    assert score_to_value(31999) == mate_to_value(1, True)
    assert score_to_value(-31995) == mate_to_value(5, False)
    assert score_to_value(8795) == cp_to_value(8795)


def test_values_never_fall_with_the_score_and_add_to_one() -> None:
    scores = [-31999, -31990, -100_00, -300, 0, 7, 300, 100_00, 31990, 31999]
    values = [score_to_value(score) for score in scores]
    assert values == sorted(values)
    assert [value + score_to_value(-score) for value, score in zip(values, scores, strict=True)] == pytest.approx(
        [1.0] * len(scores)
    )
    assert cp_to_value(-1e9) == pytest.approx(0.04)
