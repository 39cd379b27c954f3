"""Regret by hand: single positions, padded batches, and the figures of a set."""

import numpy as np
import pytest

from training.labels.move_regret import move_regret, report_regret


def test_the_regret_of_one_position_is_the_distance_to_its_best_move() -> None:
    assert move_regret((0.2, 0.9, 0.6), 2) == pytest.approx(0.3)
    assert move_regret((0.2, 0.9, 0.9), 2) == 0
    assert move_regret([0.0], 0) == 0


def test_padding_is_no_move() -> None:
    values = np.array([[0.1, 0.4, 0.9], [0.5, 0.7, 0.2]], np.float32)
    is_move = np.array([[True, True, False], [True, True, True]])
    assert move_regret(values, np.array([0, 2]), is_move) == pytest.approx([0.3, 0.5])
    assert move_regret(values, np.array([0, 2])) == pytest.approx([0.8, 0.5])


def test_figures_have_the_standard_error_of_independent_positions() -> None:
    report = report_regret(np.array([0.0, 0.1, 0.5], np.float32))
    # Deviations -0.2, -0.1, 0.3: variance 0.14 / 2.
    assert (report.regret.mean, report.regret.n) == (pytest.approx(0.2), 3)
    assert report.regret.standard_error == pytest.approx((0.07 / 3) ** 0.5)
    assert report.blunders.mean == report.top1.mean == pytest.approx(1 / 3)
    assert report_regret([0.1]).regret.standard_error is None
