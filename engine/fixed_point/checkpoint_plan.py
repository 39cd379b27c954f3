"""Which states a backward pass keeps and which it computes again: binomial ("treeverse") checkpointing, planned ahead.

For a loop of known length the optimal plan is a recursion: walk forward to a state in the middle, keep it, reverse what
lies behind it with one place less, then reverse what lies before it with all places (Griewank & Walther 2000,
"Revolve", algorithm 799). With c places every step is computed again at most r times, where binomial(c + r, c) is at
least the number of steps; the memory is that of c states and one step, whatever the number of steps.
"""

import functools
from typing import NamedTuple

import numpy as np


class Actions(NamedTuple):
    """A plan: action after action, `[actions]` int32 each. Place 0 holds the start of the loop."""

    load: np.ndarray  # place whose state is taken up before the action; -1 goes on with the present one
    step: np.ndarray  # of the loop, from 0
    is_reverse: np.ndarray  # 1: the step is differentiated at the present state; 0: the state is advanced by it
    save: np.ndarray  # place where the advanced state is kept; -1 for none


@functools.cache
def advances(steps: int, places: int) -> int:
    """Returns the fewest steps computed again to reverse a loop whose start is kept.

    A step that is differentiated is also computed, which is not counted here.

    Args:
      steps: of the loop, at least 1.
      places: for states beside the start, at least 0.
    """
    if steps == 1:
        return 0
    if places == 0:
        return steps * (steps - 1) // 2
    return min(_split_cost(steps, places, first) for first in range(1, steps))


def _split_cost(steps: int, places: int, first: int) -> int:
    return first + advances(steps - first, places - 1) + advances(first, places)


@functools.cache
def plan_actions(steps: int, places: int) -> Actions:
    """Returns an optimal plan.

    Args:
      steps: of the loop, at least 1.
      places: for states beside the start, at least 0.
    """
    rows: list[tuple[int, int, int, int]] = []

    def advance(first: int, last: int, load: int, save: int) -> None:
        for index in range(first, last):
            rows.append((load if index == first else -1, index, 0, save if index == last - 1 else -1))

    def reverse(first: int, last: int, place: int, free: int) -> None:
        """Reverses the steps first..last - 1; the state before them is at `place`, and `free` places follow it."""
        while last - first > 1:
            if free == 0:
                middle = last - 1
                advance(first, middle, place, -1)
                rows.append((-1, middle, 1, -1))
            else:
                length = last - first
                middle = first + min(range(1, length), key=lambda size: _split_cost(length, free, size))
                advance(first, middle, place, place + 1)
                reverse(middle, last, place + 1, free - 1)
            last = middle
        rows.append((place, first, 1, -1))

    reverse(0, steps, 0, places)
    return Actions(*np.array(rows, np.int32).T)
