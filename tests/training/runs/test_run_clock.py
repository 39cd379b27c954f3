"""When a run saves, decays and ends, on a clock that the test moves."""

from typing import Any

import pytest

from training.runs.run_clock import CLOCKS, Plan, RunClock, processor_time_s


class FakeTime:
    """Seconds that pass only when told."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def fake_time(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    fake = FakeTime()
    monkeypatch.setitem(CLOCKS, "wall", fake)
    return fake


def clock_of(first_step: int = 0, decay_end: int | None = None, **plan: Any) -> RunClock:
    return RunClock(Plan(**{"minutes": 10, **plan}), first_step, decay_end)


def test_a_run_ends_by_time_or_by_steps(fake_time: FakeTime) -> None:
    by_time, by_steps = clock_of(), clock_of(first_step=100, steps=3)
    by_steps.step = 102
    fake_time.now_s += 599
    assert not by_time.is_over() and not by_steps.is_over()
    by_steps.step = 103
    assert by_steps.is_over()
    fake_time.now_s += 1
    assert by_time.is_over() and by_time.minutes() == 10


def test_things_are_due_once_per_interval(fake_time: FakeTime) -> None:
    clock = clock_of()
    assert not clock.is_due("save", 1)
    fake_time.now_s += 61
    assert clock.is_due("save", 1) and not clock.is_due("save", 1) and clock.is_due("validate", 1)
    assert clock.is_due("save", 0)


def test_the_decay_takes_the_steps_that_fit_and_ends_the_run(fake_time: FakeTime) -> None:
    clock = clock_of(first_step=1000, decay_share=0.3)
    fake_time.now_s += 6.9 * 60
    clock.step = 1690
    assert not clock.is_decay_due()
    fake_time.now_s += 6
    clock.step = 1700
    assert clock.is_decay_due()
    # 100 steps a minute, 3 minutes left.
    assert clock.begin_decay() == 300
    assert not clock.is_decay_due()
    # Slower than thought: the decay still reaches its end, and then the run is over.
    fake_time.now_s += 3600
    clock.step = 1999
    assert not clock.is_over()
    clock.step = 2000
    assert clock.is_over()


def test_the_decay_of_a_run_bounded_by_steps_is_a_share_of_them(fake_time: FakeTime) -> None:
    clock = clock_of(first_step=50, steps=12, decay_share=0.5)
    fake_time.now_s += 1
    clock.step = 55
    assert not clock.is_decay_due()
    clock.step = 56
    assert clock.is_decay_due() and clock.begin_decay() == 6
    clock.step = 61
    assert not clock.is_over()
    clock.step = 62
    assert clock.is_over()


def test_a_decay_from_the_start_waits_for_the_rate_and_leaves_out_compiling(fake_time: FakeTime) -> None:
    clock = clock_of(first_step=100, decay_share=1.0)
    due = []
    for step in range(20):
        fake_time.now_s += 2 if step else 120  # the first step compiles
        clock.step += 1
        due.append(clock.is_decay_due())
    assert due == [False] * 10 + [True] * 10
    # 442 of 600 s are left, and a step takes two.
    assert clock.begin_decay() == 221


def test_a_decay_from_the_start_takes_the_steps_of_the_plan(fake_time: FakeTime) -> None:
    clock = clock_of(first_step=7, steps=100, decay_share=1.0)
    clock.step = 8
    fake_time.now_s += 120
    assert not clock.is_decay_due()
    clock.step = 9
    fake_time.now_s += 1
    assert clock.is_decay_due() and clock.begin_decay() == 98


def test_without_a_share_nothing_decays(fake_time: FakeTime) -> None:
    clock = clock_of(steps=2)
    clock.step = 2
    fake_time.now_s += 6000
    assert not clock.is_decay_due()


def test_a_decay_of_an_earlier_process_is_finished_and_not_begun_again(fake_time: FakeTime) -> None:
    clock = clock_of(first_step=70, decay_end=80, decay_share=0.5)
    fake_time.now_s += 6 * 60
    clock.step = 79
    assert not clock.is_decay_due() and not clock.is_over()
    clock.step = 80
    assert clock.is_over()
    # But not beyond the time of this process.
    clock.step = 79
    fake_time.now_s += 4 * 60
    assert clock.is_over()


def test_the_remaining_time_is_by_the_clock_or_the_rate(fake_time: FakeTime) -> None:
    by_time, by_steps = clock_of(), clock_of(steps=100)
    fake_time.now_s += 60
    by_steps.step = by_time.step = 40
    assert by_time.rate() == by_steps.rate() == pytest.approx(40 / 60)
    assert by_time.minutes_left() == pytest.approx(9)
    assert by_steps.minutes_left() == pytest.approx(1.5)
    decaying = clock_of(decay_share=0.5)
    fake_time.now_s += 300
    decaying.step = 300
    decaying.rate()
    decaying.begin_decay()
    fake_time.now_s += 120
    decaying.step = 360
    # Half as fast as when the decay was planned: 240 steps are left, two seconds each.
    assert decaying.rate() == pytest.approx(0.5)
    assert decaying.minutes_left() == pytest.approx(8)


def test_processor_time_is_shared_between_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.runs.run_clock.time.process_time", lambda: 12.0)
    monkeypatch.setattr("engine.player.backend.os.sched_getaffinity", lambda _pid: {0, 1, 2})
    assert processor_time_s() == 4
    assert clock_of(clock="cpu").minutes() == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"minutes": 0},
        {"minutes": float("nan")},
        {"decay_share": 1.5},
        {"decay_share": -0.1},
        {"steps": 0},
        {"save_minutes": -1.0},
        {"validate_minutes": float("nan")},
    ],
)
def test_a_plan_refuses_what_makes_no_sense(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(ValueError, match=f"expected {name} .*, got "):
        Plan(**{"minutes": 10, **wrong})
