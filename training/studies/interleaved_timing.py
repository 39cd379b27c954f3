"""Interleaved timings: load on the machine hits all contenders alike, and their ratio is taken round by round."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from training.reporting.sampling_error import MeanEstimate, estimate_mean

Clock = Literal["wall", "cpu"]


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """A way to play games, ready to be timed.

    Attributes:
      name: shown in tables.
      conditions: in words, such as how many games run at once.
      parameters: number of parameters of its network.
      flops: operations of one evaluation of one position.
      evaluations: network evaluations per position played; 0 if learning needs others, which are not counted.
      positions: number of positions played in one turn.
      play: plays a turn, which has ended when the function returns.
    """

    name: str
    conditions: str
    parameters: int
    flops: int
    evaluations: int
    positions: int
    play: Callable[[], None]


class TimedTurns(NamedTuple):
    """Holds the timed turns of several contenders, the same number for each."""

    positions: tuple[int, ...]  # processed in one turn, by contender
    seconds: tuple[tuple[float, ...], ...]  # of each contender's turns

    def rate(self, number: int) -> float:
        """Returns the positions per second of a contender's median turn."""
        return self.positions[number] / statistics.median(self.seconds[number])

    def ratios(self, number: int, first: int = 0) -> list[float]:
        """Returns, turn by turn, how many times faster the first contender processes positions."""
        factor = self.positions[first] / self.positions[number]
        return [factor * slow / fast for slow, fast in zip(self.seconds[number], self.seconds[first], strict=True)]

    def ratio(self, number: int, first: int = 0) -> MeanEstimate:
        """Returns the mean of `ratios` with its standard error."""
        return estimate_mean(self.ratios(number, first))


def race(contestants: Sequence[Contestant], rounds: int, clock: Clock, tell: Callable[[str], None]) -> TimedTurns:
    """Times the contestants in one process, interleaved, after each has compiled and played one turn.

    Args:
      contestants: at least one.
      rounds: turns of each.
      clock: wall-clock seconds, or processor seconds summed over all threads.
      tell: called with a line about each turn that was played.
    """
    seconds: list[list[float]] = [[] for _ in contestants]
    for contestant in contestants:
        contestant.play()
        tell(f"compiled: {contestant.name}")
    for number in range(1, rounds + 1):
        for contestant, turns in zip(contestants, seconds, strict=True):
            turns.append(seconds_of(contestant.play, clock))
            rate = contestant.positions / turns[-1]
            tell(f"round {number} of {rounds}: {contestant.name} {rate:.1f} positions/s")
    return TimedTurns(tuple(each.positions for each in contestants), tuple(map(tuple, seconds)))


def seconds_of(turn: Callable[[], None], clock: Clock) -> float:
    """Plays one turn and returns the seconds it took.

    Args:
      turn: has ended when the function returns.
      clock: wall-clock seconds, or processor seconds summed over all threads of this process.
    """
    now_s = time.perf_counter if clock == "wall" else time.process_time
    started_s = now_s()
    turn()
    return now_s() - started_s
