"""The sequential test: published ratios and bounds, symmetry, verdicts."""

import math
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.evaluation.failures import EvaluationError
from training.evaluation.match.elo import Pentanomial
from training.evaluation.match.sprt import Sprt, SprtModel, log_likelihood_ratio, parse_sprt

counts = st.integers(0, 60)
pentanomials = st.tuples(counts, counts, counts, counts, counts)


@pytest.mark.parametrize(
    "pairs, elo0, elo1, ratio",
    [
        ((2, 3, 14, 3, 8), 0.0, 10.0, 0.44),  # printed by fastchess after a real match of 60 games
        ((223, 9863, 21279, 10037, 246), 0.5, 2.5, -3.07),  # from fastchess's tests
        ((871, 26175, 55983, 26678, 821), 0.0, 2.0, -4.98),  # from fastchess's tests
    ],
)
def test_the_ratio_is_that_of_fastchess(pairs: Pentanomial, elo0: float, elo1: float, ratio: float) -> None:
    assert log_likelihood_ratio(pairs, Sprt(elo0=elo0, elo1=elo1)) == pytest.approx(ratio, abs=0.01)


@pytest.mark.parametrize(
    "pairs, elo0, elo1, ratio",
    [
        ((0, 0, 24, 4, 2), 0.0, 100.0, 2.852762358),
        ((3, 10, 30, 8, 1), -5.0, 30.0, -1.439119162),
        ((223, 9863, 21279, 10037, 246), 0.5, 2.5, 0.406798959),
    ],
)
def test_the_normalized_ratio_is_that_of_mache(pairs: Pentanomial, elo0: float, elo1: float, ratio: float) -> None:
    # log_likelihood_ratio(pairs, elo0, elo1, "normalized") of mache.match_estimate, version 0.7.1
    sprt = Sprt(elo0=elo0, elo1=elo1, model="normalized")
    assert log_likelihood_ratio(pairs, sprt) == pytest.approx(ratio, abs=1e-6)


def test_decisive_pairs_alone_give_the_binomial_ratio() -> None:
    # Only 0 and 2 points occur: then the likeliest probabilities are (1 - s, s), as for coin tosses.
    # s(20) = .528756, s(0) = .5: 30 log(.528756 / .5) + 20 log(.471244 / .5) = .49278.
    ratio = log_likelihood_ratio((20, 0, 0, 0, 30), Sprt(elo0=0, elo1=20))
    assert ratio == pytest.approx(30 * math.log(2 * 0.528756) + 20 * math.log(2 * 0.471244), abs=1e-3)


def test_bounds_are_walds() -> None:
    # log(.95 / .05) = 2.9444
    assert Sprt(elo0=0, elo1=5).bounds == pytest.approx((-2.9444, 2.9444), abs=1e-4)
    # log(.1 / .95) = -2.2513, log(.9 / .05) = 2.8904
    assert Sprt(elo0=0, elo1=5, alpha=0.05, beta=0.1).bounds == pytest.approx((-2.2513, 2.8904), abs=1e-4)


@given(pentanomials, st.sampled_from(get_args(SprtModel)))
def test_exchanging_players_and_hypotheses_changes_the_sign(pairs: Pentanomial, model: SprtModel) -> None:
    forward = log_likelihood_ratio(pairs, Sprt(elo0=0, elo1=10, model=model))
    backward = log_likelihood_ratio(pairs[::-1], Sprt(elo0=-10, elo1=0, model=model))
    assert backward == pytest.approx(-forward, abs=1e-6)


def test_verdicts() -> None:
    sprt = Sprt(elo0=0, elo1=100)
    assert sprt.verdict(log_likelihood_ratio((0, 0, 5, 10, 25), sprt)) == "accepted"
    assert sprt.verdict(log_likelihood_ratio((25, 10, 5, 0, 0), sprt)) == "rejected"
    assert sprt.verdict(log_likelihood_ratio((0, 0, 0, 0, 0), sprt)) is None


def test_tests_are_read_and_checked() -> None:
    assert parse_sprt("0:10") == Sprt(elo0=0, elo1=10)
    assert parse_sprt("0:10", "normalized") == Sprt(elo0=0, elo1=10, model="normalized")
    assert parse_sprt("-3:1:0.1:0.2") == Sprt(elo0=-3, elo1=1, alpha=0.1, beta=0.2)
    for text in ("", "0", "0:x", "0:1:0.05", "0:nan", "10:0", "0:10:0:0.05", "0:10:0.05:0.6", "0:2000"):
        with pytest.raises(EvaluationError, match="expected"):
            parse_sprt(text)
