import math

import pytest

from engine.uci.commands import Go
from engine.uci.go_request import budget_s, considered_s


@pytest.mark.parametrize(
    ("go", "white_s", "black_s"),
    [
        (Go(), math.inf, math.inf),
        (Go(depth=3), math.inf, math.inf),
        (Go(wtime_ms=1000), 0.9, math.inf),
        (Go(wtime_ms=1000, btime_ms=3000, winc_ms=50), 0.9, 2.9),
        (Go(wtime_ms=-50, btime_ms=99), 0.0, 0.0),
        (Go(movetime_ms=400, wtime_ms=1000), 0.3, 0.3),
        (Go(movetime_ms=50), 0.025, 0.025),
        (Go(movetime_ms=0), 0.0, 0.0),
        (Go(movetime_ms=-9), 0.0, 0.0),
        (Go(movetime_ms=50, wtime_ms=120), 0.02, 0.025),
        (Go(wtime_ms=10, btime_ms=10, infinite=True), math.inf, math.inf),
        (Go(wtime_ms=10, btime_ms=10, ponder=True), math.inf, math.inf),
    ],
)
def test_the_clock_of_the_mover_less_the_overhead(go: Go, white_s: float, black_s: float) -> None:
    assert budget_s(go, True, 100) == pytest.approx(white_s)
    assert budget_s(go, False, 100) == pytest.approx(black_s)


@pytest.mark.parametrize(
    ("go", "seconds"),
    [
        (Go(), 5.0),
        (Go(wtime_ms=30_100), 1.0),
        (Go(wtime_ms=30_100, winc_ms=1000, binc_ms=9000), 1.8),
        (Go(wtime_ms=30_100, movestogo=10), 3.0),
        (Go(wtime_ms=30_100, movestogo=1), 5.0),
        (Go(wtime_ms=2_100, winc_ms=60_000), 2.0),
        (Go(wtime_ms=-5), 0.0),
        (Go(movetime_ms=900), 0.8),
        (Go(btime_ms=100), 5.0),
    ],
)
def test_the_share_of_the_clock(go: Go, seconds: float) -> None:
    assert considered_s(go, True, overhead_ms=100, think_ms=5000) == pytest.approx(seconds)
