import pytest

from engine.player.temperature import temperature_at


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
