"""Computes the exact distances to mate of K+Q v K and K+R v K by retrograde analysis.

A position is three squares: the winner's king, its piece, the lone king. Arrays `[S, S, S]` have them in that order.
"""

import functools
import random
from collections.abc import Iterator
from typing import Literal, NamedTuple

import chess
import numpy as np

from engine.encoding import geometry
from training.labels.expected_score import mate_to_value
from training.labels.label_formats import all_values_line
from training.labels.label_source import KnownPositions
from training.labels.won_endings import WonEnding, won_ending

LoneKingPiece = Literal["Q", "R"]
_UNKNOWN = -1
_LEAST_WON = 0.55  # a win, however slow, is worth more than a draw

_KING = geometry.KING.astype(bool)  # [S, S]
_BETWEEN = geometry.BETWEEN.astype(bool).reshape(64, 64, 64)  # [from, to, strictly between]


class MateDistances(NamedTuple):
    """Holds plies to mate with best play, -1 where there is none or the position is illegal."""

    winner_moves: np.ndarray  # int16 [S, S, S]
    lone_king_moves: np.ndarray  # int16 [S, S, S]


@functools.cache
def mate_distances(piece: LoneKingPiece) -> MateDistances:
    """Computes all distances of an ending; takes seconds."""
    lines = geometry.ORTHOGONAL.astype(bool) | (geometry.DIAGONAL.astype(bool) if piece == "Q" else False)
    # The lone king does not shield the squares behind it, to which it may want to step.
    attacks = lines[None] & ~_BETWEEN.transpose(2, 0, 1)  # [king, piece, square]
    different = ~np.eye(64, dtype=bool)
    legal = different[:, :, None] & different[None] & (different & ~_KING)[:, None]
    winner_legal, steps = legal & ~attacks, _lone_king_steps(attacks)
    takes = (_KING & different)[None] & ~_KING[:, :, None]  # [king, piece, lone king]
    can_move = takes | np.any([king_steps for king_steps in steps], axis=0)
    winner = np.full(legal.shape, _UNKNOWN, np.int16)
    lone = np.where(legal & attacks & ~can_move, 0, _UNKNOWN).astype(np.int16)
    plies = 0
    while (newest := lone == plies).any():
        reached = _before(newest, lines) & winner_legal & (winner == _UNKNOWN)
        winner[reached] = plies + 1
        escapes = takes.copy()
        for square, king_steps in enumerate(steps):
            escapes |= king_steps & (winner[:, :, square] == _UNKNOWN)[:, :, None]
        lone[legal & can_move & ~escapes & (lone == _UNKNOWN)] = plies + 2
        plies += 2
    return MateDistances(winner, lone)


def mate_in(board: chess.Board, move: chess.Move) -> int | None:
    """Returns the winner's moves until mate after one of its moves, that one included; None if there is no mate.

    Args:
      board: K+Q v K or K+R v K with the winner to move.
      move: legal.
    """
    kind = "Q" if board.queens else "R"
    after = board.copy(stack=False)
    after.push(move)
    king, lone = after.king(board.turn), after.king(not board.turn)
    (piece,) = after.pieces(chess.QUEEN if kind == "Q" else chess.ROOK, board.turn)
    assert king is not None and lone is not None
    plies = int(mate_distances(kind).lone_king_moves[king, piece, lone])
    return None if plies == _UNKNOWN else plies // 2 + 1


def ending_lines(count: int, per_move: float, seed: int) -> Iterator[str]:
    """Yields lines of the `all` format, each a different position with the winner to move.

    A short search values all sound moves of these endings alike, and a network that learns that shuffles until the game
    is drawn. Here the quickest mate in n is worth 1 - .001 n as everywhere, every move later costs more than in the
    other labels, so that the policy's target tells the moves apart, and a move that does not win is worth .5.

    Args:
      count: how many.
      per_move: cost of each move by which a mate comes later, in expected score.
      seed: decides the positions.
    """
    rng, known = random.Random(f"endings {seed}"), KnownPositions()
    kinds: tuple[WonEnding, ...] = ("K+Q v K", "K+R v K")
    made = 0
    while made < count:
        board = won_ending(rng, kinds[made % 2])
        if known.add_fen(board.fen()):
            yield all_values_line(f"endings.{seed}.{made}", board.fen(), ending_values(board, per_move))
            made += 1


def ending_values(board: chess.Board, per_move: float) -> list[float]:
    """Returns the values of the legal moves in the order of their UCI text.

    Args:
      board: K+Q v K or K+R v K with the winner to move.
      per_move: cost of each move by which a mate comes later, in expected score.
    """
    moves = sorted(board.legal_moves, key=lambda move: move.uci())
    mates = [mate_in(board, move) for move in moves]
    quickest = min((mate for mate in mates if mate is not None), default=1)
    best = mate_to_value(quickest, mates=True)
    return [0.5 if mate is None else max(_LEAST_WON, best - per_move * (mate - quickest)) for mate in mates]


def _lone_king_steps(attacks: np.ndarray) -> list[np.ndarray]:
    """Returns, for each square, the positions in which the lone king may step to it without capturing, `[S, S, S]`."""
    steps = []
    for square in range(64):
        free = ~_KING[:, square, None] & ~attacks[:, :, square]  # [king, piece]
        free[square] = False
        free[:, square] = False
        steps.append(free[:, :, None] & _KING[:, square][None, None, :])
    return steps


def _before(lost: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """Returns the positions from which a move of the winner leads to some of `lost`, `[S, S, S]`."""
    by_king = (_KING.astype(np.float32) @ lost.reshape(64, -1).astype(np.float32) > 0).reshape(lost.shape)
    by_piece = np.zeros_like(lost)
    for king in np.flatnonzero(lost.any(axis=(1, 2))):
        open_lines = lines & ~_BETWEEN[:, :, king]  # [from, to]
        for lone in np.flatnonzero(lost[king].any(axis=0)):
            ways = open_lines & ~_BETWEEN[:, :, lone]
            by_piece[king, :, lone] = ways[:, lost[king, :, lone]].any(axis=1)
    return by_king | by_piece
