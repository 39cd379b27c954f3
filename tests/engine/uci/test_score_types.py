from typing import get_args

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.player.score import expected_score_to_cp
from engine.uci.score_types import SCORES, ScoreType, centipawn, wdl_mu, win_minus_loss, win_percentage

_PERMILLE = st.integers(0, 1000)


def test_every_name_has_a_function() -> None:
    assert list(SCORES) == list(get_args(ScoreType))


@pytest.mark.parametrize("name", get_args(ScoreType))
@given(win=_PERMILLE, loss=_PERMILLE)
def test_the_other_sides_score_is_the_negative_or_the_rest(name: ScoreType, win: int, loss: int) -> None:
    assume(win + loss <= 1000)
    shares = (win / 1000, (1000 - win - loss) / 1000, loss / 1000)
    ours, theirs = SCORES[name](*shares), SCORES[name](*shares[::-1])
    assert isinstance(ours, int)
    assert ours + theirs == (10_000 if name == "win_percentage" else 0)


@given(st.tuples(_PERMILLE, _PERMILLE), st.integers(1, 300))
def test_turning_losses_into_wins_never_lowers_the_score(shares: tuple[int, int], turned: int) -> None:
    win, loss = shares
    assume(win + loss <= 1000 and turned <= loss)
    before = (win / 1000, (1000 - win - loss) / 1000, loss / 1000)
    after = (before[0] + turned / 1000, before[1], before[2] - turned / 1000)
    for name in ("centipawn", "win_percentage", "Q", "W-L"):
        assert SCORES[name](*after) >= SCORES[name](*before)


def test_worked_examples() -> None:
    assert centipawn(0.5, 0.3, 0.2) == expected_score_to_cp(0.65) == 168
    assert win_percentage(0.5, 0.3, 0.2) == 6500
    assert win_minus_loss(0.5, 0.3, 0.2) == 3000
    # log(1 / 0.2 - 1) = 1.386 and log(1 / 0.4 - 1) = 0.405: 0.981 / 1.792.
    assert wdl_mu(0.4, 0.4, 0.2) == 55
    assert wdl_mu(0.2, 0.4, 0.4) == -55 and wdl_mu(0.3, 0.4, 0.3) == 0


@pytest.mark.parametrize(
    "shares", [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.5, 0.0, 0.5), (0.7, 0.0, 0.3), (0.001, 0.998, 0.001)]
)
def test_where_the_logistic_does_not_hold_centipawns_are_shown(shares: tuple[float, float, float]) -> None:
    assert wdl_mu(*shares) == centipawn(*shares)
