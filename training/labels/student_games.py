"""Plays games of the network being trained and has the teacher label them: DAgger (Ross, Gordon & Bagnell, 2011).

A net is lost in positions that its own moves lead to and that no teacher's game shows. So the current student plays,
the teacher values all moves of every position that comes up, and those where the student's move gives much away are
kept with certainty, of the others a share. Many games run at once, since a batch of boards costs the student less than
its boards alone. Some start from won endings, in which the student has to make progress and not to repeat itself.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import chess

from engine.player.choice import choose_move, is_drawn_by_rule, ranked_moves
from engine.player.evaluator import Evaluation, Evaluator
from training.labels.label_source import LabelledGame, LabelWorker, Visit, group_name
from training.labels.move_regret import move_regret
from training.labels.noisy_games import (
    HEATS,
    LONG_PLIES,
    NOISES,
    GamePlan,
    given_start,
    noisy_move,
    random_start,
)
from training.labels.won_endings import WON_ENDINGS, won_ending

Opponent = Literal["student", "teacher", "random"]
_WON_PLIES = 120


@dataclass(frozen=True, kw_only=True)
class StudentGames:
    """Takes positions from the student's games.

    Attributes:
      weights: folder of the network.
      plan: where the games start that are not won endings, and when they end.
      boards: games at once in a process, whose positions the student evaluates together.
      won_share: share of the games that start from a won ending.
      self_share: share of the other games that the student plays with itself, not with the noisy teacher.
      temperature: half of the student's games are played at 0, the others at up to so much.
      teacher_share: share of the student's moves that the teacher makes in its place.
      keep_above: positions where the student's move gives away more of the expected score are kept.
      keep_others: share of the other positions that is kept.
    """

    weights: Path
    plan: GamePlan = GamePlan()
    boards: int = 64
    won_share: float = 0.15
    self_share: float = 0.6
    temperature: float = 0.7
    teacher_share: float = 0.05
    keep_above: float = 0.02
    keep_others: float = 0.25
    prefix = "s"
    is_endless = True

    def __post_init__(self) -> None:
        """Raises ValueError for a number out of range."""
        if self.boards < 1 or self.temperature < 0:
            raise ValueError(f"expected boards >= 1 and temperature >= 0, got {self.boards} and {self.temperature}")
        for name in ("won_share", "self_share", "teacher_share", "keep_above", "keep_others"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"expected {name} in 0..1, got {getattr(self, name)}")

    def games(self, worker: LabelWorker) -> Iterator[LabelledGame]:
        """Yields the positions of the games as they are labelled, without end.

        Raises:
          CheckpointError: the folder is not a network that this version can play.
        """
        yield from play_student_games(load_student(self.weights), self, worker)


def load_student(folder: Path) -> Evaluator:
    """Loads a network for one of several labelling processes.

    Args:
      folder: of the network.

    Raises:
      CheckpointError: the folder is not a network that this version can play.
    """
    from engine.player.backend import limit_threads

    limit_threads(1)  # the other processes and the teachers need their processors
    # Imported here: JAX takes seconds to load, and the other sources do not need it.
    from engine.player.network_evaluator import load_network_evaluator

    return load_network_evaluator(folder, "cpu")


def play_student_games(evaluator: Evaluator, source: StudentGames, worker: LabelWorker) -> Iterator[LabelledGame]:
    """Yields the labelled positions of many simultaneous games, without end.

    Args:
      evaluator: the student.
      source: what is played; its `weights` are not looked at.
      worker: has the teacher, and knows what is labelled already.
    """
    numbers = itertools.count(worker.first_game)
    games = [_Game(source, worker, next(numbers)) for _ in range(source.boards)]
    while True:
        evaluations = evaluator.evaluate([game.board for game in games])
        for slot, evaluation in enumerate(evaluations):
            game = games[slot]
            kept = game.advance(evaluation)
            if kept is not None:
                yield LabelledGame(group_name(worker, source.prefix, game.number), [kept])
            if game.is_over():
                games[slot] = _Game(source, worker, next(numbers))


class _Game:
    """Plays one game, move by move."""

    def __init__(self, source: StudentGames, worker: LabelWorker, number: int) -> None:
        rng = worker.rng(number)
        self._source, self._worker, self._rng, self.number = source, worker, rng, number
        self._temperature = rng.choice((0.0, rng.uniform(0.0, source.temperature)))
        self._noise, self._heat = rng.choice(NOISES), rng.choice(HEATS)
        self._plays_on, self._decided, self._ended = rng.random() < source.plan.plays_on_share, 0, False
        self._start()

    def _start(self) -> None:
        """Sets board, length, and the player of the side that need not be the student's."""
        rng, source, plan = self._rng, self._source, self._source.plan
        self._opponent: Opponent
        if rng.random() < source.won_share:
            self.board, self._plies_left = won_ending(rng, rng.choice(WON_ENDINGS)), _WON_PLIES
            self._opponent, self._student_turn = rng.choice(("student", "teacher", "random")), self.board.turn
            self._plays_on = True
            return
        while True:
            self.board = given_start(rng, plan.starts) if plan.starts_given(rng) else random_start(rng)
            if not _has_ended(self.board):
                break
        self._plies_left = LONG_PLIES
        self._opponent = "student" if rng.random() < source.self_share else "teacher"
        self._student_turn = rng.choice((chess.WHITE, chess.BLACK))

    def is_over(self) -> bool:
        """Returns whether the game has ended."""
        return self._ended

    def advance(self, evaluation: Evaluation) -> Visit | None:
        """Labels the position if it is new and makes a move; returns the label if it is kept."""
        mover = self._mover()
        is_new = self._worker.known.add_fen(self.board.fen(en_passant="legal")) and len(evaluation.moves) > 1
        visit = self._worker.visit(self.board) if is_new or mover == "teacher" else None
        best = choose_move(self.board, evaluation, ranked_moves(evaluation), 0.0, self._rng)
        kept = visit if visit is not None and is_new and self._is_kept(evaluation, best, visit.values) else None
        self._decided = 0 if visit is None else self._source.plan.decided_for(self._decided, visit.values)
        if mover == "teacher" and visit is None:  # it leaves moves out, as some teachers do
            self._ended = True
            return kept
        values = visit.values if visit is not None else ()
        self.board.push(self._move(mover, evaluation, best, values))
        self._plies_left -= 1
        decided = self._decided >= self._source.plan.decided_plies and not self._plays_on
        self._ended = decided or self._plies_left <= 0 or _has_ended(self.board)
        return kept

    def _mover(self) -> Opponent:
        if self.board.turn != self._student_turn and self._opponent != "student":
            return self._opponent
        return "teacher" if self._rng.random() < self._source.teacher_share else "student"

    def _is_kept(self, evaluation: Evaluation, best: chess.Move, values: Sequence[float]) -> bool:
        regret = move_regret(values, evaluation.moves.index(best))
        return bool(regret > self._source.keep_above or self._rng.random() < self._source.keep_others)

    def _move(self, mover: Opponent, evaluation: Evaluation, best: chess.Move, values: Sequence[float]) -> chess.Move:
        if mover == "teacher":
            return noisy_move(self._rng, self.board, values, self._noise, self._heat)
        if mover == "random":
            return self._rng.choice(evaluation.moves)
        if not self._temperature:
            return best
        return choose_move(self.board, evaluation, ranked_moves(evaluation), self._temperature, self._rng)


def _has_ended(board: chess.Board) -> bool:
    return not any(board.legal_moves) or is_drawn_by_rule(board)
