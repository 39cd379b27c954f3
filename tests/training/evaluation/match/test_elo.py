"""Elo and its interval: worked examples, symmetry, and the normal limit."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.evaluation.match.elo import (
    Z_95,
    count_pairs,
    elo_from_score,
    paired_score,
    score_from_elo,
)

pentanomials = st.tuples(*[st.integers(0, 200)] * 5).filter(any)


def test_elo_of_three_quarters_by_hand() -> None:
    # 400 log10(3) = 400 * 0.477121
    assert elo_from_score(0.75) == pytest.approx(190.8485)
    assert elo_from_score(0.5) == 0
    assert elo_from_score(0) == -math.inf
    assert elo_from_score(1) == math.inf


@given(st.floats(-900, 900))
def test_score_and_elo_are_inverse(elo: float) -> None:
    assert elo_from_score(score_from_elo(elo)) == pytest.approx(elo, abs=1e-6)


def test_a_score_outside_its_range_is_refused() -> None:
    with pytest.raises(ValueError, match="0..1, got 1.2"):
        elo_from_score(1.2)


def test_pairs_are_counted_by_points() -> None:
    assert count_pairs([2, 1.5, 1, 1, 0, 0.5, 0.5]) == (1, 2, 2, 1, 1)
    with pytest.raises(ValueError, match="got 0.7"):
        count_pairs([0.7])


def test_ten_pairs_by_hand() -> None:
    # Pair means 0, 1/4 (2x), 1/2 (4x), 3/4 (2x), 1: mean 1/2, squares 2 * 1/4 + 4 * 1/16 = 3/4,
    # variance 3/4 / 9 = 1/12, standard error sqrt(1/120) = .0913.
    # That is the variance of 10 * (1/4) / (1/12) = 30 tosses; Wilson with z^2 = 3.8415:
    # half width 1.95996 * sqrt(.25/30 + 3.8415/3600) / (1 + 3.8415/30) = .16846.
    paired = paired_score((1, 2, 4, 2, 1))
    assert paired.score == 0.5
    assert paired.score_standard_error == pytest.approx(math.sqrt(1 / 120))
    assert paired.elo == 0
    assert paired.elo_low_95 == pytest.approx(elo_from_score(0.5 - 0.16846), abs=0.02)
    assert paired.elo_high_95 == pytest.approx(-paired.elo_low_95)


def test_pairs_are_surer_than_their_games_when_openings_decide() -> None:
    # In every pair White wins both: 50 % without doubt between pairs, coin tosses as games.
    decided_by_colour = paired_score((1, 0, 98, 0, 1))
    decided_by_luck = paired_score((25, 0, 50, 0, 25))
    assert decided_by_colour.elo_high_95 < decided_by_luck.elo_high_95 / 3


def test_a_sweep_has_a_finite_lower_end() -> None:
    # Wilson for 10 successes in 10 tosses: low = 10 / (10 + z^2) = .7225.
    paired = paired_score((0, 0, 0, 0, 10))
    assert paired.elo == paired.elo_high_95 == math.inf
    assert paired.elo_low_95 == pytest.approx(elo_from_score(10 / (10 + Z_95**2)))
    lost = paired_score((10, 0, 0, 0, 0))
    assert (lost.elo, lost.elo_low_95) == (-math.inf, -math.inf)
    assert lost.elo_high_95 == pytest.approx(-paired.elo_low_95)


def test_equal_pairs_are_not_certainty() -> None:
    paired = paired_score((0, 0, 4, 0, 0))
    assert paired.elo == 0
    assert paired.elo_high_95 > 100
    assert paired_score((0, 0, 1, 0, 0)).score_standard_error is None


def test_many_pairs_give_the_normal_interval() -> None:
    paired = paired_score((1000, 2000, 4000, 3000, 1000))
    assert paired.score_standard_error is not None
    high = score_from_elo(paired.elo_high_95)
    assert high - paired.score == pytest.approx(Z_95 * paired.score_standard_error, rel=0.01)


@given(pentanomials)
def test_exchanging_the_players_exchanges_the_signs(counts: tuple[int, ...]) -> None:
    forward, backward = paired_score(counts), paired_score(counts[::-1])  # type: ignore[arg-type]
    assert backward.elo == pytest.approx(-forward.elo, abs=1e-6)
    assert backward.elo_low_95 == pytest.approx(-forward.elo_high_95, abs=1e-6)
    assert forward.elo_low_95 <= forward.elo <= forward.elo_high_95


def test_no_pairs_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one pair"):
        paired_score((0, 0, 0, 0, 0))


@pytest.mark.parametrize(
    "counts, normalized, margin",
    [
        # What fastchess prints for these pairs; the first is a real match, the next two its own tests.
        ((2, 3, 14, 3, 8), 83.855453, 87.911717),
        ((223, 9863, 21279, 10037, 246), 1.794764, 2.359447),
        ((871, 26175, 55983, 26678, 821), 1.219646, 1.448342),
    ],
)
def test_normalized_elo_is_that_of_fastchess(
    counts: tuple[int, int, int, int, int], normalized: float, margin: float
) -> None:
    paired = paired_score(counts)
    assert paired.normalized_elo == pytest.approx(normalized, abs=1e-4)
    assert paired.normalized_elo_margin_95 == pytest.approx(margin, rel=1e-5)


def test_superiority_by_hand() -> None:
    # Shares 1/4 (2x), 1/2 (4x), 3/4 (1x), 1 (3x): mean 6.25 / 10 = .625,
    # squares 2 * .140625 + 4 * .015625 + .015625 + 3 * .140625 = .78125, variance .078125,
    # standard error sqrt(.0078125) = .088388; .125 / .088388 = 1.41421; Phi(1.41421) = .92135.
    paired = paired_score((0, 2, 4, 1, 3))
    assert paired.superiority == pytest.approx(0.92135, abs=1e-5)
    assert paired.draw_ratio == 0.4
    assert paired_score((3, 1, 4, 2, 0)).superiority == pytest.approx(1 - 0.92135, abs=1e-5)


def test_one_won_pair_proves_little() -> None:
    paired = paired_score((0, 0, 0, 0, 1))
    assert paired.superiority == pytest.approx(0.8413, abs=1e-4)  # one standard deviation of a coin toss
    assert paired.normalized_elo is None
