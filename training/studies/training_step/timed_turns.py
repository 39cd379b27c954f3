"""Seconds of things that were timed by turns, so that whatever else the machine does met all of them."""

import statistics
import time
from collections.abc import Callable
from typing import Literal, NamedTuple

from training.reporting.sampling_error import MeanEstimate, estimate_mean

Clock = Literal["wall", "cpu"]


class TimedTurns(NamedTuple):
    """Turns of some contenders, as many of each."""

    positions: tuple[int, ...]  # that a turn of each contender treats
    seconds: tuple[tuple[float, ...], ...]  # of each contender's turns

    def rate(self, number: int) -> float:
        """Returns the positions per second of a contender's median turn."""
        return self.positions[number] / statistics.median(self.seconds[number])

    def ratios(self, number: int, first: int = 0) -> list[float]:
        """Returns how many times as many positions a second the first contender treats, turn by turn."""
        factor = self.positions[first] / self.positions[number]
        return [factor * slow / fast for slow, fast in zip(self.seconds[number], self.seconds[first], strict=True)]

    def ratio(self, number: int, first: int = 0) -> MeanEstimate:
        """Returns the mean of `ratios` with its standard error."""
        return estimate_mean(self.ratios(number, first))


def seconds_of(turn: Callable[[], None], clock: Clock) -> float:
    """Plays a turn and returns its seconds.

    Args:
      turn: is over when the function returns.
      clock: whether seconds are those of the wall or of all threads of this process together.
    """
    now_s = time.perf_counter if clock == "wall" else time.process_time
    started_s = now_s()
    turn()
    return now_s() - started_s
