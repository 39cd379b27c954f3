import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.player.score import expected_score_to_cp, wdl_permille

_SHARES = st.floats(min_value=0.0, max_value=1.0, allow_subnormal=False)


@given(st.tuples(_SHARES, _SHARES, _SHARES).filter(lambda shares: sum(shares) > 1e-6))
def test_permille_sum_to_1000_and_none_is_off_by_one(shares: tuple[float, float, float]) -> None:
    permille = wdl_permille(np.array(shares))
    assert sum(permille) == 1000
    for rounded, share in zip(permille, shares, strict=True):
        assert rounded >= 0
        assert abs(rounded - 1000 * share / sum(shares)) < 1 + 1e-9


@pytest.mark.parametrize(
    ("shares", "permille"),
    [
        ((1 / 3, 1 / 3, 1 / 3), (334, 333, 333)),
        ((0.4126, 0.3907, 0.1967), (412, 391, 197)),  # rounding each alone would give 1001
        ((0.0004, 0.0004, 0.9992), (1, 0, 999)),
        ((1.0, 0.0, 0.0), (1000, 0, 0)),
    ],
)
def test_points_left_over_go_to_the_largest_remainders(
    shares: tuple[float, float, float], permille: tuple[int, int, int]
) -> None:
    assert wdl_permille(np.array(shares)) == permille


@pytest.mark.parametrize("shares", [[math.nan, 0, 1], [-0.1, 0.6, 0.5], [0, 0, 0], [0.5, 0.5]])
def test_what_is_no_distribution_is_refused(shares: list[float]) -> None:
    with pytest.raises(ValueError, match="expected win, draw and loss"):
        wdl_permille(np.array(shares))


@given(st.floats(min_value=0.0, max_value=1.0))
def test_centipawns_change_sign_with_the_view(expected_score: float) -> None:
    cp = expected_score_to_cp(expected_score)
    assert cp == -expected_score_to_cp(1.0 - expected_score) or abs(cp) > 1000
    assert abs(cp) <= 2502


def test_centipawns_invert_lichess_curve() -> None:
    assert expected_score_to_cp(0.5) == 0
    for cp in (-900, -200, 35, 100, 640):
        win_percent = 50 + 50 * (2 / (1 + math.exp(-0.00368208 * cp)) - 1)
        assert expected_score_to_cp(win_percent / 100) == cp
