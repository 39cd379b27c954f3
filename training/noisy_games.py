"""Games of a teacher with itself that go wrong on purpose: they visit blunders and what punishes them.

A game starts from a given position and is short, or starts after a few random moves and runs until it is decided. Its
moves are drawn from softmax(w / heat) over the teacher's values, and now and then at random.
"""

import math
import random
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import chess

_NOISES = (0.03, 0.1, 0.2, 0.35)  # share of random moves; one is drawn for each game
_HEATS = (0.01, 0.03, 0.08, 0.15)  # temperatures of the other moves, in expected score
_SHORT_PLIES, _LONG_PLIES = (4, 8, 12, 16), 240
_RANDOM_PLIES = (0, 1, 2, 3, 4, 6, 8, 10)
_DECIDED, _DECIDED_PLIES = 0.955, 8  # a game is decided after so many plies beyond this expected score
_ASIDE = 0.2  # share of given starts that are left by one random move

MoveValues = Callable[[str], dict[str, float]]


class Visit(NamedTuple):
    """A position of a game, with the teacher's values of all its legal moves."""

    fen: str  # with the en-passant square only when such a capture is legal
    values: list[float]  # expected scores for the side to move, moves in the order of their UCI text


def play_noisy_game(rng: random.Random, starts: Sequence[str], move_values: MoveValues) -> Iterator[Visit]:
    """Plays one game and yields its positions.

    Args:
      rng: decides everything that is random.
      starts: FENs of which half of the games start; may be empty.
      move_values: the teacher: FEN to UCI text to expected score.
    """
    board, plies = _start(rng, starts)
    noise, heat, plays_on = rng.choice(_NOISES), rng.choice(_HEATS), rng.random() < 0.25
    decided = 0
    while plies and board.is_valid() and not board.is_game_over(claim_draw=True):
        plies -= 1
        moves = sorted(move.uci() for move in board.legal_moves)
        by_move = move_values(board.fen(en_passant="legal"))
        if any(move not in by_move for move in moves):
            return  # the engine ended the search early, as some do when one move is forced
        values = [by_move[move] for move in moves]
        yield Visit(board.fen(en_passant="legal"), values)
        best = max(values)
        decided = decided + 1 if not 1 - _DECIDED < best < _DECIDED else 0
        if decided >= _DECIDED_PLIES and not plays_on:
            return
        odds = [math.exp((value - best) / heat) for value in values]
        board.push_uci(rng.choice(moves) if rng.random() < noise else rng.choices(moves, odds)[0])


def _start(rng: random.Random, starts: Sequence[str]) -> tuple[chess.Board, int]:
    if starts and rng.random() < 0.5:
        board = chess.Board(rng.choice(starts))
        _push_random(rng, board, 1 if rng.random() < _ASIDE else 0)
        return board, rng.choice(_SHORT_PLIES)
    board = chess.Board()
    _push_random(rng, board, rng.choice(_RANDOM_PLIES))
    return board, _LONG_PLIES


def _push_random(rng: random.Random, board: chess.Board, plies: int) -> None:
    for _ in range(plies):
        moves = sorted(board.legal_moves, key=chess.Move.uci)
        if moves:
            board.push(rng.choice(moves))
