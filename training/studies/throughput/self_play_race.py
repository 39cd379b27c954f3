"""Ways to play games for learning, timed side by side in one process.

Turns alternate, so whatever else the machine does meets all of them; the ratio of two ways is taken round by round.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from training.studies.training_step.timed_turns import Clock, TimedTurns, seconds_of


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


def race(contestants: Sequence[Contestant], rounds: int, clock: Clock, tell: Callable[[str], None]) -> TimedTurns:
    """Times the contestants by turns, after each has compiled and played one turn.

    Args:
      contestants: at least one.
      rounds: turns of each.
      clock: whether seconds are those of the wall or of all processors together.
      tell: hears what was done.
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
