"""How long a run goes on, and when it logs, measures, saves, lowers its learning rate, and ends."""

import dataclasses
import time
from collections.abc import Callable
from typing import Literal

from engine.player.backend import usable_processors

_STEPS_TO_KNOW_THE_RATE = 10


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """How long one process trains; a run may be continued by further processes."""

    # Time to train, in minutes of `clock`.
    minutes: float
    # Minutes of wall-clock time, or of this process's processor time divided by the number of processors, which is fair
    # between runs on a shared machine.
    clock: Literal["wall", "cpu"] = "wall"
    # Last part of the time (or of `steps`, if those end sooner) in which the learning rate falls to zero, as a share of
    # it; 0 keeps the rate constant.
    decay_share: float = 0.0
    # At most this many steps, or no bound.
    steps: int | None = None
    # Forget an earlier decay and return to the peak learning rate.
    restarts_schedule: bool = False
    # Minutes between measures on held-out positions.
    validate_minutes: float = 5.0
    # Minutes between checkpoints.
    save_minutes: float = 4.0

    def __post_init__(self) -> None:
        """Raises ValueError for a time, share or count out of range."""
        if not self.minutes > 0:
            raise ValueError(f"expected minutes above 0, got {self.minutes}")
        if not 0 <= self.decay_share <= 1:
            raise ValueError(f"expected decay_share in [0, 1], got {self.decay_share}")
        if self.steps is not None and self.steps < 1:
            raise ValueError(f"expected steps of at least 1, got {self.steps}")
        for name in ("validate_minutes", "save_minutes"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"expected {name} of at least 0, got {getattr(self, name)}")


def processor_time_s() -> float:
    """Returns this process's processor time divided by the number of processors it may use."""
    return time.process_time() / usable_processors()


# The clocks of a plan, in seconds.
CLOCKS: dict[str, Callable[[], float]] = {"wall": time.monotonic, "cpu": processor_time_s}


class RunClock:
    """Tells when a run logs, measures, saves, begins its decay, and ends.

    Attributes:
      step: steps made by the run; the loop counts them.
      first_step: the step this process began at.

    Args:
      plan: how long to go on.
      first_step: steps made before this process.
      decay_end: step at which a decay begun by an earlier process reaches zero; None without one.
    """

    def __init__(self, plan: Plan, first_step: int, decay_end: int | None = None) -> None:
        self._plan, self.first_step, self.step = plan, first_step, first_step
        self._now_s = CLOCKS[plan.clock]
        self._start_s = self._now_s()
        self._last_s = {name: self._start_s for name in ("validate", "save", "rate", "log")}
        self._rate_step, self._steps_per_s = first_step, 0.0
        self._decay_end, self._has_planned_decay = decay_end, False
        self._steady = first_step, self._start_s  # from where steps are timed

    def minutes(self) -> float:
        """Returns the time since this process began to train."""
        return (self._now_s() - self._start_s) / 60

    def rate(self) -> float:
        """Returns steps a second since the last call."""
        now_s, steps = self._now_s(), self.step - self._rate_step
        elapsed_s, self._last_s["rate"], self._rate_step = now_s - self._last_s["rate"], now_s, self.step
        self._steps_per_s = steps / max(elapsed_s, 1e-9)
        return self._steps_per_s

    def minutes_left(self) -> float:
        """Returns the time until the end, by the rate last returned."""
        end = self._end_step()
        by_steps = (end - self.step) / max(self._steps_per_s, 1e-9) / 60 if end is not None else float("inf")
        by_time = float("inf") if self._has_planned_decay else max(self._plan.minutes - self.minutes(), 0.0)
        return min(by_steps, by_time)

    def is_due(self, name: str, minutes: float) -> bool:
        """Returns whether so many minutes have passed since this was last true for the name, or since the start."""
        if self._now_s() - self._last_s[name] < minutes * 60:
            return False
        self._last_s[name] = self._now_s()
        return True

    def times(self) -> dict[str, float]:
        """Returns the minutes passed and left, as figures of a run."""
        return {"minutes": self.minutes(), "minutes_left": self.minutes_left()}

    def is_decay_due(self) -> bool:
        """Returns whether the learning rate should begin to fall, by time or by steps."""
        share, steps = self._plan.decay_share, self._plan.steps
        if not share or self._decay_end is not None:
            return False
        passed = self.step - self.first_step
        if passed <= 1:
            self._steady = self.step, self._now_s()  # the first step compiles
            return False
        by_steps = steps is not None and passed >= steps * (1 - share)
        if passed <= _STEPS_TO_KNOW_THE_RATE and not by_steps:
            return False
        return by_steps or self.minutes() >= self._plan.minutes * (1 - share)

    def begin_decay(self) -> int:
        """Begins the decay: returns the number of steps that fit into the remaining time, after which the run ends."""
        steady_step, steady_s = self._steady
        rate = (self.step - steady_step) / max((self._now_s() - steady_s) / 60, 1e-9)
        steps = round(rate * max(self._plan.minutes - self.minutes(), 0.0))
        if self._plan.steps is not None:
            steps = min(steps, self.first_step + self._plan.steps - self.step)
        steps = max(1, steps)
        self._decay_end, self._has_planned_decay = self.step + steps, True
        return steps

    def is_over(self) -> bool:
        """Returns whether the plan is fulfilled."""
        end = self._end_step()
        if end is not None and self.step >= end:
            return True
        # Once the decay has begun, its steps are counted and not the time, so that it reaches zero at any rate.
        return not self._has_planned_decay and self.minutes() >= self._plan.minutes

    def _end_step(self) -> int | None:
        by_plan = None if self._plan.steps is None else self.first_step + self._plan.steps
        ends = [end for end in (by_plan, self._decay_end) if end is not None]
        return min(ends, default=None)
