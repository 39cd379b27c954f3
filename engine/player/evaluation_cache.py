"""Remembers evaluations of positions that come again, within a limit of memory."""

import threading
from collections import OrderedDict
from collections.abc import Sequence

import chess

from engine.encoding.position import encode_position
from engine.player.evaluator import Evaluation, Evaluator

# Measured with tracemalloc on CPython 3.11: an entry with its key, and one of its moves.
_ENTRY_BYTES = 650
_MOVE_BYTES = 120


class CachedEvaluator:
    """An `Evaluator` that asks another one only about positions it does not remember.

    The key is the encoded position, which is all that the network sees, so a remembered evaluation
    is the one that would be computed. The least recently used entries are dropped first. Methods
    may be called from different threads.
    """

    def __init__(self, evaluator: Evaluator, limit_mb: int) -> None:
        self._evaluator = evaluator
        self._limit_bytes = limit_mb * 2**20
        self._entries: OrderedDict[bytes, Evaluation] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()
        self.lookups = 0
        self.hits = 0

    @property
    def permille_full(self) -> int:
        """Share of the memory limit in use, 0..1000."""
        return min(1000, self._bytes * 1000 // self._limit_bytes)

    def evaluate(self, boards: Sequence[chess.Board]) -> list[Evaluation]:
        """Returns one evaluation per board, in order; see `Evaluator`."""
        keys = [_key(board) for board in boards]
        found: dict[bytes, Evaluation] = {}
        missing: dict[bytes, chess.Board] = {}
        with self._lock:
            for key, board in zip(keys, boards, strict=True):
                entry = self._entries.get(key)
                if entry is None:
                    missing[key] = board
                else:
                    self._entries.move_to_end(key)
                    found[key] = entry
            self.lookups += len(keys)
            self.hits += sum(key in found for key in keys)
        if missing:
            computed = self._evaluator.evaluate(list(missing.values()))
            found.update(zip(missing, computed, strict=True))
            with self._lock:
                for key in missing:
                    self._store(key, found[key])
        return [found[key] for key in keys]

    def resize(self, limit_mb: int) -> None:
        """Changes the memory limit, dropping what no longer fits."""
        with self._lock:
            self._limit_bytes = limit_mb * 2**20
            self._shrink()

    def clear(self) -> None:
        """Forgets everything."""
        with self._lock:
            self._entries.clear()
            self._bytes = self.lookups = self.hits = 0

    def _store(self, key: bytes, evaluation: Evaluation) -> None:
        replaced = self._entries.pop(key, None)
        if replaced is not None:
            self._bytes -= _size(replaced)
        self._entries[key] = evaluation
        self._bytes += _size(evaluation)
        self._shrink()

    def _shrink(self) -> None:
        while self._bytes > self._limit_bytes:
            _, dropped = self._entries.popitem(last=False)
            self._bytes -= _size(dropped)


def _key(board: chess.Board) -> bytes:
    # The network sees neither, but the moves of an evaluation are those of the real board: castling
    # is written differently in Chess960, and Black's moves are not mirrored.
    return bytes((board.chess960, board.turn)) + encode_position(board).tobytes()


def _size(evaluation: Evaluation) -> int:
    return _ENTRY_BYTES + _MOVE_BYTES * len(evaluation.moves)
