"""Ways to play games for learning, timed side by side in one process.

Turns alternate, so whatever else the machine does meets all of them; the ratio of two ways is taken round by round.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from training.evaluation.sampling_error import MeanEstimate, estimate_mean

Clock = Literal["wall", "cpu"]


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """A way to play.

    Attributes:
      name: of it.
      conditions: in words: how many games at once and the like.
      parameters: of its network.
      flops: of one evaluation of one position.
      evaluations: of its network for a position that is played; 0 if learning needs others, which are not counted.
      positions: that a turn plays.
      play: plays a turn; it is over when the function returns.
    """

    name: str
    conditions: str
    parameters: int
    flops: int
    evaluations: int
    positions: int
    play: Callable[[], None]


@dataclass(frozen=True, kw_only=True)
class SelfPlayRace:
    """Seconds of every turn.

    Attributes:
      contestants: in their order.
      seconds: of each contestant's turns.
    """

    contestants: tuple[Contestant, ...]
    seconds: tuple[tuple[float, ...], ...]

    def rate(self, number: int) -> float:
        """Returns the positions per second of a contestant's median turn."""
        return self.contestants[number].positions / statistics.median(self.seconds[number])

    def ratio(self, number: int, first: int = 0) -> MeanEstimate:
        """Returns how many times more positions a second the first contestant plays, over the rounds."""
        factor = self.contestants[first].positions / self.contestants[number].positions
        rounds = zip(self.seconds[number], self.seconds[first], strict=True)
        return estimate_mean([factor * slow / fast for slow, fast in rounds])


def race(contestants: Sequence[Contestant], rounds: int, clock: Clock, tell: Callable[[str], None]) -> SelfPlayRace:
    """Times the contestants by turns, after each has compiled and played one turn.

    Args:
      contestants: at least one.
      rounds: turns of each.
      clock: whether seconds are those of the wall or of all processors together.
      tell: hears what was done.
    """
    now_s = time.perf_counter if clock == "wall" else time.process_time
    seconds: list[list[float]] = [[] for _ in contestants]
    for contestant in contestants:
        contestant.play()
        tell(f"compiled: {contestant.name}")
    for number in range(1, rounds + 1):
        for contestant, turns in zip(contestants, seconds, strict=True):
            started_s = now_s()
            contestant.play()
            turns.append(now_s() - started_s)
            rate = contestant.positions / turns[-1]
            tell(f"round {number} of {rounds}: {contestant.name} {rate:.1f} positions/s")
    return SelfPlayRace(contestants=tuple(contestants), seconds=tuple(map(tuple, seconds)))
