"""Games of a student that a test makes up, labelled by a teacher that is a function."""

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import chess
import pytest

from tests.doubles.fake_evaluator import FakeEvaluator
from tests.doubles.scripted_worker import scripted_worker
from training.labels.label_source import Visit
from training.labels.noisy_games import GamePlan
from training.labels.student_games import StudentGames, play_student_games
from training.labels.won_endings import WON_ENDINGS, won_ending


class Enough(Exception):
    """The teacher has been asked as often as a test wants."""


class Teacher:
    """Values the moves by place in the order of UCI text, the first or the last highest, and notes the positions."""

    def __init__(self, best: str, most: int = 10**9) -> None:
        self.best, self.most = best, most
        self.asked: list[str] = []

    def __call__(self, fen: str) -> Mapping[str, float]:
        if len(self.asked) == self.most:
            raise Enough
        self.asked.append(fen)
        moves = sorted((move.uci() for move in chess.Board(fen).legal_moves), reverse=self.best == "last")
        return {move: 0.8 - 0.01 * place for place, move in enumerate(moves)}


def visits_of(teacher: Teacher, **plan: Any) -> list[tuple[str, Visit]]:
    """Returns the visits of a student that prefers the first move by UCI text, with their groups."""
    worker = scripted_worker(teacher, seed=3, number=1, processes=2, first_game=40)
    settings = {"weights": Path("unused"), "boards": 4, "temperature": 0.0, "teacher_share": 0.0, **plan}
    found: list[tuple[str, Visit]] = []
    with pytest.raises(Enough):
        for game in play_student_games(FakeEvaluator(wdl=(0.3, 0.4, 0.3)), StudentGames(**settings), worker):
            found.extend((game.group, visit) for visit in game.visits)
    return found


def test_what_the_student_gets_wrong_is_kept_and_what_it_gets_right_is_not() -> None:
    plan = {"keep_others": 0.0, "won_share": 0.0, "self_share": 1.0}
    assert len(visits_of(Teacher("last", 100), **plan)) > 90
    # Mates are played whatever the policy says, so a few positions may count as wrong.
    assert len(visits_of(Teacher("first", 100), **plan)) < 5


def test_a_share_of_the_others_is_kept() -> None:
    found = visits_of(Teacher("first", 200), keep_others=0.3, won_share=0.0, self_share=1.0)
    assert 40 < len(found) < 80


def test_a_position_is_asked_about_once_and_valued_in_full() -> None:
    teacher = Teacher("last", 200)
    found = visits_of(teacher, keep_others=1.0, self_share=1.0, won_share=0.5)
    keys = [" ".join(fen.split()[:4]) for fen in teacher.asked]
    # With the teacher at the board it is asked again, since it has to move.
    in_endings = sum(len(chess.Board(fen).piece_map()) < 16 for fen in teacher.asked)
    assert len(keys) - len(set(keys)) <= in_endings
    assert len({visit.fen for _, visit in found}) == len(found)
    for _, visit in found:
        assert len(visit.values) == chess.Board(visit.fen).legal_moves.count() > 1


def test_groups_name_process_and_game_and_go_on() -> None:
    groups = {group for group, _ in visits_of(Teacher("last", 300), keep_others=1.0)}
    assert {f"3.s1.{game}" for game in range(40, 44)} <= groups
    assert all(group.startswith("3.s1.") and int(group[5:]) >= 40 for group in groups)


def test_the_same_seed_plays_the_same_games() -> None:
    games = GamePlan(starts=(chess.STARTING_FEN,))
    plans = {"temperature": 1.0, "teacher_share": 0.2, "keep_others": 0.5, "plan": games}
    assert visits_of(Teacher("last", 80), **plans) == visits_of(Teacher("last", 80), **plans)


def test_games_may_all_start_from_won_endings() -> None:
    found = visits_of(Teacher("last", 40), won_share=1.0, keep_others=1.0)
    assert all(len(chess.Board(visit.fen).piece_map()) < 33 for _, visit in found)
    assert any(len(chess.Board(visit.fen).piece_map()) == 3 for _, visit in found)


@pytest.mark.parametrize("kind", WON_ENDINGS)
def test_a_won_ending_is_legal_and_ahead(kind: Any) -> None:
    worth = {chess.PAWN: 1, chess.KNIGHT: 3, chess.BISHOP: 3, chess.ROOK: 5, chess.QUEEN: 9, chess.KING: 0}
    ahead = {"K+Q v K": 9, "K+R v K": 5, "+9": 9}[kind]
    turns = set()
    for seed in range(60):
        board = won_ending(random.Random(seed), kind)
        assert board.is_valid() and not board.is_game_over()
        men = [(worth[man.piece_type], man.color) for man in board.piece_map().values()]
        assert sum(value if color == board.turn else -value for value, color in men) == ahead
        turns.add(board.turn)
        assert board == won_ending(random.Random(seed), kind)
    assert turns == {chess.WHITE, chess.BLACK}
