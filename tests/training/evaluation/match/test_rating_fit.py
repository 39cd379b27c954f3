"""One Elo from several opponents: worked examples, the bootstrap against theory, the table."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.evaluation.failures import EvaluationError
from training.evaluation.match.elo import elo_from_score
from training.evaluation.match.ladder_climb import SKILL_LEVEL_ELO, skill_elo
from training.evaluation.match.rating_fit import RungResult, fit_rating

counts = st.integers(0, 30)
rungs_strategy = st.lists(
    st.builds(
        RungResult, opponent_elo=st.floats(1000, 2500), pentanomial=st.tuples(counts, counts, counts, counts, counts)
    ),
    min_size=1,
    max_size=3,
).filter(lambda rungs: any(any(rung.pentanomial) for rung in rungs))


def test_three_quarters_against_one_opponent() -> None:
    # 1500 + 400 log10(.75 / .25)
    fit = fit_rating([RungResult(opponent_elo=1500, pentanomial=(0, 5, 0, 0, 10))], resamples=10)
    assert fit.elo == pytest.approx(1500 + elo_from_score(0.75), abs=1e-3)


def test_two_opponents_by_hand() -> None:
    # Equal numbers of games and opposite scores of 1/4 and 3/4: by symmetry halfway between them.
    rungs = [
        RungResult(opponent_elo=1400, pentanomial=(0, 2, 0, 0, 4)),
        RungResult(opponent_elo=1600, pentanomial=(4, 0, 0, 2, 0)),
    ]
    assert fit_rating(rungs, resamples=10).elo == pytest.approx(1500, abs=1e-3)
    # 60 points of 100 against 1320 and 20 of 50 against 1608. At R = 1437.914 one expects
    # 100 / (1 + 10^-.294785) + 50 / (1 + 10^.425215) = 66.347 + 13.653 = 80.
    rungs = [
        RungResult(opponent_elo=1320, pentanomial=(20, 0, 0, 0, 30)),
        RungResult(opponent_elo=1608, pentanomial=(5, 5, 10, 5, 0)),
    ]
    assert fit_rating(rungs, resamples=10).elo == pytest.approx(1437.914, abs=0.01)


@given(rungs_strategy)
def test_the_fit_expects_the_points_that_were_made(rungs: list[RungResult]) -> None:
    fit = fit_rating(rungs, resamples=20)
    points = sum(n * half / 2 for rung in rungs for half, n in enumerate(rung.pentanomial))
    games = sum(2 * sum(rung.pentanomial) for rung in rungs)
    if math.isfinite(fit.elo):
        chances = [1 / (1 + 10 ** ((rung.opponent_elo - fit.elo) / 400)) for rung in rungs]
        expected = sum(2 * sum(rung.pentanomial) * chance for rung, chance in zip(rungs, chances, strict=True))
        assert expected == pytest.approx(points, abs=1e-6 * games)
    else:
        assert points in (0, games)
    assert fit.low_95 <= fit.high_95


def test_the_bootstrap_agrees_with_theory() -> None:
    # 200 pairs of 0 or 2 points at 50 %: the standard error of the score is sqrt(1/4 / 200), an Elo
    # there is worth ln(10) / 1600 of score: 24.57 Elo, and 1.96 of these is 48.2.
    fit = fit_rating([RungResult(opponent_elo=1742, pentanomial=(100, 0, 0, 0, 100))])
    error = math.sqrt(0.25 / 200) / (math.log(10) / 1600)
    assert fit.elo == pytest.approx(1742, abs=1e-3)
    assert (fit.high_95 - fit.low_95) / 2 == pytest.approx(1.96 * error, rel=0.05)
    assert fit == fit_rating([RungResult(opponent_elo=1742, pentanomial=(100, 0, 0, 0, 100))])


def test_sweeps_are_unbounded() -> None:
    won = fit_rating([RungResult(opponent_elo=1320, pentanomial=(0, 0, 0, 0, 9))])
    assert (won.elo, won.high_95) == (math.inf, math.inf)
    # What nine won pairs do show: a quarter point lost here and there cannot be excluded.
    assert 1500 < won.low_95 < 1800
    lost = fit_rating([RungResult(opponent_elo=1320, pentanomial=(9, 0, 0, 0, 0))])
    assert lost.elo == -math.inf
    with pytest.raises(ValueError, match="at least one pair"):
        fit_rating([RungResult(opponent_elo=1320, pentanomial=(0, 0, 0, 0, 0))])


def test_equal_pairs_are_not_certainty() -> None:
    fit = fit_rating([RungResult(opponent_elo=1608, pentanomial=(0, 0, 4, 0, 0))])
    assert fit.elo == pytest.approx(1608, abs=1e-3)
    assert fit.high_95 - fit.low_95 > 100


def test_the_table_rises_and_knows_its_levels() -> None:
    assert list(SKILL_LEVEL_ELO.values()) == sorted(SKILL_LEVEL_ELO.values())
    assert (skill_elo(0), skill_elo(5)) == (1320, 2204)
    with pytest.raises(EvaluationError, match="got 11"):
        skill_elo(11)
