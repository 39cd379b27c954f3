"""Shuffles a packed set in blocks of neighbouring rows, so that a batch is read from few places.

The blocks of a set are drawn in a random order, `WINDOW_BLOCKS` of them at a time, and the rows of such a
window are shuffled together. Packed sets lie in the order of their digests, so that a block is already a
fair sample; the shuffle makes every epoch's batches different ones.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

import numpy as np

BLOCK_ROWS = 4096  # about 0.8 MB
WINDOW_BLOCKS = 16
_KEPT_WINDOWS = 2  # a batch may straddle two


class Generators(Protocol):
    """Returns the random generator of a part of an epoch; the same for the same numbers."""

    def __call__(self, *part: int) -> np.random.Generator:
        """Returns a new generator."""


class BlockOrder:
    """The order of a set's rows in one epoch; `order[places]` are the rows at these places.

    Args:
      size: rows of the set.
      generators: decide the order.
      expect: told the blocks of the window after each that is entered, so that they can be fetched.
    """

    def __init__(
        self, size: int, generators: Generators, expect: Callable[[np.ndarray], None] = lambda _blocks: None
    ) -> None:
        self._generators, self._expect = generators, expect
        self._blocks = generators(0).permutation(-(-size // BLOCK_ROWS))
        self._rows = np.minimum(size - self._blocks * BLOCK_ROWS, BLOCK_ROWS)  # the set's last block may be short
        last_blocks = np.arange(WINDOW_BLOCKS, len(self._blocks) + WINDOW_BLOCKS, WINDOW_BLOCKS) - 1
        self._ends = np.cumsum(self._rows)[np.minimum(last_blocks, len(self._blocks) - 1)]  # of each window
        self._windows: OrderedDict[int, np.ndarray] = OrderedDict()

    def __getitem__(self, places: np.ndarray) -> np.ndarray:
        """Returns the rows at places 0..size - 1 of the epoch, int64 `[n]`."""
        windows = np.searchsorted(self._ends, places, side="right")
        rows = np.empty(len(places), np.int64)
        for window in map(int, np.unique(windows)):
            inside = windows == window
            first = self._ends[window - 1] if window else 0
            rows[inside] = self._window(window)[places[inside] - first]
        return rows

    def _window(self, number: int) -> np.ndarray:
        if number not in self._windows:
            part = self._of_window(number)
            rows = ranges(self._blocks[part] * BLOCK_ROWS, self._rows[part])
            self._windows[number] = self._generators(1, number).permutation(rows)
            self._expect(self._blocks[self._of_window(number + 1)])
            if len(self._windows) > _KEPT_WINDOWS:
                self._windows.popitem(last=False)
        return self._windows[number]

    def _of_window(self, number: int) -> slice:
        return slice(number * WINDOW_BLOCKS, (number + 1) * WINDOW_BLOCKS)


def ranges(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Returns the numbers start..start + count - 1 of every range, one range after another, int64.

    Args:
      starts: integers `[n]`.
      counts: integers `[n]`, not negative.
    """
    ends = np.cumsum(counts)
    return np.repeat(starts - (ends - counts), counts) + np.arange(counts.sum())
