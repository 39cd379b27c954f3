"""Remembers evaluations of positions that come again, within a limit of memory."""

from collections import OrderedDict
from collections.abc import Sequence

import chess
import numpy as np

from engine.player.evaluator import EncodedEvaluator, Evaluation, encode_boards

# Measured with tracemalloc on CPython 3.11: an entry with its key, and one of its moves.
_ENTRY_BYTES = 650
_MOVE_BYTES = 120


class CachedEvaluator:
    """Asks another evaluator only about positions that it does not remember. For use by one thread.

    The key is the encoded position, which is all that the network sees, so a remembered evaluation
    is the one that would be computed. The least recently used entries are dropped first.

    Args:
      evaluator: asked about the others.
      limit_mb: memory for evaluations in MiB, at least 1.
    """

    def __init__(self, evaluator: EncodedEvaluator, limit_mb: int) -> None:
        self._evaluator = evaluator
        self._limit_bytes = limit_mb * 2**20
        self._entries: OrderedDict[bytes, Evaluation] = OrderedDict()
        self._bytes = 0
        self.lookups = 0
        self.hits = 0

    @property
    def permille_full(self) -> int:
        """Share of the memory limit in use, 0..1000."""
        return min(1000, self._bytes * 1000 // self._limit_bytes)

    def evaluate(self, boards: Sequence[chess.Board]) -> list[Evaluation]:
        """Returns one evaluation per board, in order; see `Evaluator`."""
        positions = encode_boards(boards)
        keys = [_key(board, position) for board, position in zip(boards, positions, strict=True)]
        found = {key: self._entries[key] for key in keys if key in self._entries}
        for key in found:
            self._entries.move_to_end(key)
        self.lookups += len(keys)
        self.hits += sum(key in found for key in keys)
        missing = {key: place for place, key in enumerate(keys) if key not in found}
        if missing:
            places = list(missing.values())
            computed = self._evaluator.evaluate_encoded([boards[place] for place in places], positions[places])
            for key, evaluation in zip(missing, computed, strict=True):
                found[key] = evaluation
                self._store(key, evaluation)
        return [found[key] for key in keys]

    def resize(self, limit_mb: int) -> None:
        """Changes the memory limit and drops what no longer fits."""
        self._limit_bytes = limit_mb * 2**20
        self._shrink()

    def clear(self) -> None:
        """Forgets everything."""
        self._entries.clear()
        self._bytes = self.lookups = self.hits = 0

    def _store(self, key: bytes, evaluation: Evaluation) -> None:
        self._entries[key] = evaluation
        self._bytes += _size(evaluation)
        self._shrink()

    def _shrink(self) -> None:
        while self._bytes > self._limit_bytes:
            _, dropped = self._entries.popitem(last=False)
            self._bytes -= _size(dropped)


def _key(board: chess.Board, position: np.ndarray) -> bytes:
    # The network sees neither, but the moves of an evaluation are those of the real board: castling
    # is written differently in Chess960, and Black's moves are not mirrored.
    return bytes((board.chess960, board.turn)) + position.tobytes()


def _size(evaluation: Evaluation) -> int:
    return _ENTRY_BYTES + _MOVE_BYTES * len(evaluation.moves)
