"""Divides labelling into shares, hands them out, and remembers how far each one has got.

A share has a number, which stands in the names of its games: sources without end play games of the share's own, files
are divided among the shares. So a share can be begun again anywhere, after the last game that was delivered.
"""

import itertools
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from training.labels.label_source import KnownPositions

_MOST_LOSSES = 5  # of one share, without a game between them


class Share(NamedTuple):
    """Holds what one worker labels at a time.

    Attributes:
      number: from 0.
      parts: among how many shares a source that ends is divided.
      first_game: the first of its games that has not been played.
      skipped: how many of its entries of files have been reported as unusable.
      labelled: `[N]` uint64 keys of positions that have been labelled since the workers were told what the file holds.
    """

    number: int
    parts: int
    first_game: int
    skipped: int
    labelled: np.ndarray


class LabelShares:
    """Hands out shares.

    Args:
      prefix: with which the names of games begin, before the number of the share.
      known: positions that have been labelled; grows meanwhile.
    """

    def __init__(self, prefix: str, known: KnownPositions) -> None:
        self._prefix, self._known = prefix, known
        self._parts = 1
        self._numbers: Iterator[int] = itertools.count()
        self._lost: list[int] = []
        self._losses: Counter[int] = Counter()
        self._skipped: Counter[int] = Counter()
        self._first_games: Counter[int] = Counter()

    def divide(self, parts: int, endless: bool) -> None:
        """Sets how many shares there are.

        Args:
          parts: so many, unless
          endless: the source has as many shares as anybody asks for.
        """
        self._parts = parts
        self._numbers = itertools.count() if endless else iter(range(parts))

    def take(self) -> Share | None:
        """Returns a share that nobody is at work on; None if there is none."""
        number = self._lost.pop(0) if self._lost else next(self._numbers, None)
        if number is None:
            return None
        return Share(number, self._parts, self._first_games[number], self._skipped[number], self._known.added())

    def played(self, group: str) -> None:
        """Notes a game by its name, if it is one of these shares."""
        number, _, game = group.removeprefix(self._prefix).partition(".")
        if group.startswith(self._prefix) and number.isdecimal() and game.isdecimal():
            self._first_games[int(number)] = max(self._first_games[int(number)], int(game) + 1)

    def delivered(self, share: Share, group: str) -> None:
        """Notes a game of a share, or the part of one."""
        self._losses[share.number] = 0
        self.played(group)

    def skipped(self, share: Share) -> None:
        """Notes that an entry of a file was reported."""
        self._skipped[share.number] += 1

    def lost(self, share: Share, reason: str) -> None:
        """Takes back a share whose worker has gone.

        Raises:
          ValueError: that has happened so often that the share must be the reason.
        """
        self._losses[share.number] += 1
        if self._losses[share.number] >= _MOST_LOSSES:
            raise ValueError(
                f"expected share {share.number} of the positions to be labelled, got {_MOST_LOSSES} failures in a row; "
                f"the last was {reason}"
            )
        self._lost.append(share.number)
