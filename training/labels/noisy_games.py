"""Plays noisy games of a teacher with itself, which show blunders and how they are punished.

A game starts from a given position and is short, or starts after a few random moves and runs until it is decided. Its
moves are drawn from softmax(w / heat) over the teacher's values, and now and then at random.
"""

import itertools
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import chess

from training.labels.label_source import LabelledGame, LabelWorker, Visit, group_name

NOISES = (0.03, 0.1, 0.2, 0.35)  # share of random moves; one is drawn for each game
HEATS = (0.01, 0.03, 0.08, 0.15)  # temperatures of the other moves, in expected score
LONG_PLIES = 240
_SHORT_PLIES = (4, 8, 12, 16)
_RANDOM_PLIES = (0, 1, 2, 3, 4, 6, 8, 10)
_ASIDE = 0.2  # share of given starts that are left by one random move


@dataclass(frozen=True, kw_only=True)
class GamePlan:
    """Says where games start, and when they are decided and end.

    The engine that is trained gives away most in level positions with many pieces, less than a third of what games show
    that are played until nobody can err. A lower `decided` with fewer plies keeps games to those.

    Attributes:
      starts: FENs; may be empty.
      given_share: share of the games that start from one of them and are short.
      decided: a game is decided when the expected score of either side has been beyond this,
      decided_plies: for so many plies.
      plays_on_share: share of the games that go on to their end nevertheless.
    """

    starts: tuple[str, ...] = ()
    given_share: float = 0.5
    decided: float = 0.955
    decided_plies: int = 8
    plays_on_share: float = 0.25

    def __post_init__(self) -> None:
        """Raises ValueError for a number out of range."""
        if not 0.5 < self.decided <= 1:
            raise ValueError(f"expected decided above 0.5 and up to 1, got {self.decided}")
        if self.decided_plies < 1:
            raise ValueError(f"expected decided_plies of at least 1, got {self.decided_plies}")
        for name in ("given_share", "plays_on_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"expected {name} in 0..1, got {getattr(self, name)}")

    def starts_given(self, rng: random.Random) -> bool:
        """Draws whether a game starts from a given position."""
        return bool(self.starts) and rng.random() < self.given_share

    def decided_for(self, plies: int, values: Sequence[float]) -> int:
        """Returns for how many plies a game has been decided, one ply later.

        Args:
          plies: for how many it had been before.
          values: the teacher's expected scores of the legal moves.
        """
        return 0 if 1 - self.decided < max(values) < self.decided else plies + 1


@dataclass(frozen=True, kw_only=True)
class NoisyGames:
    """Takes positions from the teacher's noisy games.

    Attributes:
      plan: where they start, and when they end.
    """

    plan: GamePlan = GamePlan()
    prefix = ""
    is_endless = True

    def games(self, worker: LabelWorker) -> Iterator[LabelledGame]:
        """Yields games without end."""
        for game in itertools.count(worker.first_game):
            worker.new_game()
            visits = play_noisy_game(worker.rng(game), self.plan, worker)
            yield LabelledGame(group_name(worker, self.prefix, game), list(visits))


def play_noisy_game(rng: random.Random, plan: GamePlan, worker: LabelWorker) -> Iterator[Visit]:
    """Plays one game and yields its positions.

    Args:
      rng: decides everything that is random.
      plan: where the game may start, and when it is decided.
      worker: has the teacher.
    """
    if plan.starts_given(rng):
        board, plies = given_start(rng, plan.starts), rng.choice(_SHORT_PLIES)
    else:
        board, plies = random_start(rng), LONG_PLIES
    noise, heat, plays_on = rng.choice(NOISES), rng.choice(HEATS), rng.random() < plan.plays_on_share
    decided = 0
    while plies and board.is_valid() and not board.is_game_over(claim_draw=True):
        plies -= 1
        visit = worker.visit(board)
        if visit is None:
            return
        yield visit
        decided = plan.decided_for(decided, visit.values)
        if decided >= plan.decided_plies and not plays_on:
            return
        board.push(noisy_move(rng, board, visit.values, noise, heat))


def noisy_move(
    rng: random.Random, board: chess.Board, values: Sequence[float], noise: float, heat: float
) -> chess.Move:
    """Draws a move of the noisy teacher.

    Args:
      rng: decides.
      board: with legal moves.
      values: the teacher's expected scores of the legal moves, in the order of their UCI text.
      noise: share of uniform draws.
      heat: temperature of the others, in expected score.
    """
    moves = sorted(board.legal_moves, key=chess.Move.uci)
    best = max(values)
    odds = [math.exp((value - best) / heat) for value in values]
    return rng.choice(moves) if rng.random() < noise else rng.choices(moves, odds)[0]


def given_start(rng: random.Random, starts: Sequence[str]) -> chess.Board:
    """Returns one of the given positions, now and then after a random move."""
    board = chess.Board(rng.choice(starts))
    push_random(rng, board, 1 if rng.random() < _ASIDE else 0)
    return board


def random_start(rng: random.Random) -> chess.Board:
    """Returns the initial position after up to ten random moves."""
    board = chess.Board()
    push_random(rng, board, rng.choice(_RANDOM_PLIES))
    return board


def push_random(rng: random.Random, board: chess.Board, plies: int) -> None:
    """Makes random legal moves, fewer when the game ends."""
    for _ in range(plies):
        moves = sorted(board.legal_moves, key=chess.Move.uci)
        if moves:
            board.push(rng.choice(moves))
