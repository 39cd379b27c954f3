import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.player.strength import HIGHEST_ELO, LOWEST_ELO, STRENGTH_OF_ELO, Strength, strength_of, temperature_at


def test_the_table_ascends_and_weakens_by_drawing_more_freely() -> None:
    assert list(STRENGTH_OF_ELO) == sorted(STRENGTH_OF_ELO) and len(STRENGTH_OF_ELO) >= 4
    rows = list(STRENGTH_OF_ELO.values())
    for weaker, stronger in zip(rows, rows[1:], strict=False):
        assert weaker.temperature > stronger.temperature >= 0.0
        assert 0.0 <= weaker.least_ratio <= stronger.least_ratio <= 1.0


@pytest.mark.parametrize("elo", STRENGTH_OF_ELO)
def test_a_row_of_the_table_is_returned_as_it_is(elo: int) -> None:
    assert strength_of(elo) == STRENGTH_OF_ELO[elo]


def test_between_rows_both_numbers_change_linearly() -> None:
    (low, weaker), (high, stronger) = list(STRENGTH_OF_ELO.items())[:2]
    quarter = strength_of(low + (high - low) // 4)
    share = ((high - low) // 4) / (high - low)
    assert quarter.temperature == pytest.approx(weaker.temperature * (1 - share) + stronger.temperature * share)
    assert quarter.least_ratio == pytest.approx(weaker.least_ratio * (1 - share) + stronger.least_ratio * share)


def test_beyond_the_table_the_nearest_row_holds() -> None:
    assert strength_of(LOWEST_ELO - 1000) == STRENGTH_OF_ELO[LOWEST_ELO]
    assert strength_of(HIGHEST_ELO + 1000) == STRENGTH_OF_ELO[HIGHEST_ELO]


@given(st.integers(-5000, 5000), st.integers(0, 3000))
def test_more_elo_never_means_a_higher_temperature(elo: int, more: int) -> None:
    weaker, stronger = strength_of(elo), strength_of(elo + more)
    assert isinstance(weaker, Strength)
    assert weaker.temperature >= stronger.temperature - 1e-12
    assert weaker.least_ratio <= stronger.least_ratio + 1e-12


@pytest.mark.parametrize(
    ("move", "decay", "cutoff", "temperature"),
    [
        (1, 0, 0, 0.8),
        (200, 0, 0, 0.8),
        (1, 10, 0, 0.8),
        (6, 10, 0, 0.4),
        (11, 10, 0, 0.0),
        (90, 10, 0, 0.0),
        (7, 0, 8, 0.8),
        (8, 0, 8, 0.0),
        (6, 10, 6, 0.0),
        (5, 10, 6, 0.48),
    ],
)
def test_the_temperature_falls_linearly_and_is_cut_off(move: int, decay: int, cutoff: int, temperature: float) -> None:
    assert temperature_at(move, 0.8, decay, cutoff) == pytest.approx(temperature)
