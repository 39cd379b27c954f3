"""Plays the main lines of many games at once, in arrays, from the initial position of chess.

Reading a move with python-chess takes about 30 microseconds, most of the time of reading a game. Here move number t
of all games of a batch is found and checked in some hundred array operations. Whatever is not certain (a move in an
uncommon form, an illegal or ambiguous one, a number that does not fit) is left to `play_words`, which reads the game
anew or says what is wrong with it. Axis letters: G games, W words, n some of the games.
"""

import functools
from collections.abc import Sequence
from itertools import chain

import chess
import numpy as np

from engine.files.board_batch import ANY, BoardBatch
from engine.files.written_moves import read_word

LONGEST = 400  # plies; longer games are left to `play_words`
_KIND, _NUMBER, _BLACK = 1 << 30, 1 << 31, 1 << 32  # flags of a word's code: a move, a number, dots of Black's
_DOUBT, _MARK = 1 << 33, 1 << 34
_NUMBER_SHIFT = 40


class _Codes(dict[str, int]):
    """Codes of words: flags, and of a move 6 bits of target, then piece, file, rank, promotion, castling, capture."""

    def __missing__(self, text: str) -> int:
        if len(self) > 100_000:
            self.clear()
        self[text] = code = _code(text)
        return code


def _code(text: str) -> int:
    word = read_word(text)
    code = 0 if word.number is None else _NUMBER | min(word.number, 1000) << _NUMBER_SHIFT
    code |= _BLACK if word.dots > 1 else 0
    if word.kind in ("result", "number"):
        return code
    if word.kind == "mark":
        return code | (_DOUBT if text in "ND" else _MARK)
    if word.kind != "move":
        return _DOUBT
    if word.san.startswith("O"):
        return code | _KIND | (1 if word.san == "O-O" else 2) << 20
    san, _, promotion = word.san.partition("=")
    target = chess.parse_square(san[-2:])
    letter = san[0] if san[0].isupper() else ""
    origin = san[len(letter) : -2].rstrip("x")
    if len(origin) > 1 or (not letter and origin.isdecimal()):
        return _DOUBT
    file = chess.FILE_NAMES.index(origin) if origin in chess.FILE_NAMES and origin else ANY
    rank = int(origin) - 1 if origin.isdecimal() else ANY
    piece = "PNBRQK".index(letter or "P") + 1
    promoted = "PNBRQK".index(promotion) + 1 if promotion else 0
    return code | _KIND | target | piece << 6 | file << 9 | rank << 13 | promoted << 17 | word.captures << 22


_CODES = _Codes()


def play_batch(games: Sequence[Sequence[str]]) -> list[tuple[chess.Move, ...] | None]:
    """Plays games from the initial position.

    Args:
      games: the words of their main lines.

    Returns:
      The moves of each game, or None where `play_words` has to decide.
    """
    lengths = np.array([len(words) for words in games], np.int64)
    total = int(lengths.sum())
    codes = np.fromiter(map(_CODES.__getitem__, chain.from_iterable(games)), np.int64, total)
    owner = np.repeat(np.arange(len(games)), lengths)
    is_move = codes & _KIND != 0
    before = np.cumsum(is_move) - is_move
    firsts = np.cumsum(lengths) - lengths
    ply = before - before[np.minimum(firsts, max(total - 1, 0))][owner]
    doubtful = np.zeros(len(games), bool)
    doubtful[owner[_contradicts(codes, ply)]] = True
    moves = np.bincount(owner[is_move], minlength=len(games))
    doubtful |= moves > LONGEST
    order = np.argsort(-np.where(doubtful, 0, moves), kind="stable")
    place = np.empty(len(games), np.int64)
    place[order] = np.arange(len(games))
    counts = np.where(doubtful, 0, moves)[order]
    wanted = np.zeros((int(counts[0]) if len(counts) else 0, len(games)), np.int64)
    chosen = is_move & ~doubtful[owner]
    wanted[ply[chosen], place[owner[chosen]]] = codes[chosen]
    found, failed = BoardBatch(len(games)).play(wanted, counts)
    results: list[tuple[chess.Move, ...] | None] = []
    rows = found.T.tolist()
    for game, where in enumerate(place.tolist()):
        if doubtful[game] or failed[where]:
            results.append(None)
        else:
            results.append(tuple(map(_move, rows[where][: moves[game]])))
    return results


def _contradicts(codes: np.ndarray, ply: np.ndarray) -> np.ndarray:
    """Returns which words are not certain by themselves, or do not fit the count of the moves before them, `[W]`."""
    number = codes >> _NUMBER_SHIFT
    wrong_number = (codes & _NUMBER != 0) & (number != ply // 2 + 1)
    wrong_side = (codes & _BLACK != 0) & (ply % 2 == 0)
    # A mark stands behind a move, not behind a number alone.
    alone = np.concatenate([[True], codes[:-1] & _KIND == 0])
    return wrong_number | wrong_side | (codes & _DOUBT != 0) | ((codes & _MARK != 0) & alone)


@functools.cache
def _move(code: int) -> chess.Move:
    return chess.Move(code & 63, code >> 6 & 63, code >> 12 or None)
