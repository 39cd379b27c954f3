"""Which positions are labelled already: eight bytes each, so that every process can have them all."""

import hashlib
from collections.abc import Iterable

import numpy as np


def position_key(fen: str) -> int:
    """Returns a number for men, side to move, castling and en passant; the same in every process."""
    position = " ".join(fen.split()[:4])
    return int.from_bytes(hashlib.blake2b(position.encode(), digest_size=8).digest(), "big")


class KnownPositions:
    """A set of positions, clocks apart, that grows and can be sent to other processes.

    Args:
      keys: of the positions known from the start, as `position_key` makes them.
    """

    def __init__(self, keys: Iterable[int] = ()) -> None:
        self._first = np.array(sorted(set(keys)), np.uint64)
        self._added: set[int] = set()

    def __contains__(self, key: int) -> bool:
        place = int(np.searchsorted(self._first, np.uint64(key)))
        found = place < len(self._first) and int(self._first[place]) == key
        return found or key in self._added

    def __len__(self) -> int:
        return len(self._first) + len(self._added)

    def add(self, key: int) -> bool:
        """Adds a position; returns whether it is new."""
        if key in self:
            return False
        self._added.add(key)
        return True

    def add_fen(self, fen: str) -> bool:
        """Adds a position given by its FEN; returns whether it is new."""
        return self.add(position_key(fen))
