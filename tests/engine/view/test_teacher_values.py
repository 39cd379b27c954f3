"""A teacher's values of all moves, and teachers that are none."""

import math
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import chess
import pytest

from engine.uci_client import TeacherError
from engine.view.teacher_values import Teacher, installed_teacher

FAKE = shlex.join([sys.executable, str(Path(__file__).parents[2] / "doubles" / "fake_teacher.py")])


@pytest.fixture
def teacher() -> Iterator[Teacher]:
    made = Teacher(FAKE, 0.05)
    yield made
    made.close()


def test_values_every_legal_move_best_first(teacher: Teacher) -> None:
    board = chess.Board()
    board.push_uci("e2e4")
    name, values = teacher.values(board)
    assert name == "Fake Teacher"
    assert [value.move for value in values] == sorted(move.uci() for move in board.legal_moves)
    assert (values[0].mate, values[0].score_cp, values[0].expected_score) == (2, None, 1.0)
    # Lichess's curve at +50 centipawns.
    assert (values[1].mate, values[1].score_cp, values[1].depth) == (None, 50, 7)
    assert values[1].expected_score == pytest.approx(1 / (1 + math.exp(-0.00368208 * 50)), abs=1e-4)
    assert teacher.values(chess.Board())[1][0].move == "a2a3"


@pytest.mark.parametrize("command", ["", "'", "no-such-program-anywhere"])
def test_a_command_that_is_none_is_refused(command: str) -> None:
    with pytest.raises(TeacherError, match="expected"):
        Teacher(command)


@pytest.mark.parametrize("fault", ["--mute", "--crash"])
def test_a_teacher_that_ends_is_reported_each_time(fault: str) -> None:
    teacher = Teacher(f"{FAKE} {fault}", 0.05)
    for _ in range(2):
        with pytest.raises(TeacherError, match=r"expected (a UCI engine|bestmove from).*(its end|it ended)$"):
            teacher.values(chess.Board())
    teacher.close()


@pytest.mark.teacher
def test_stockfish_finds_the_mate() -> None:
    command = installed_teacher()
    assert command is not None and shutil.which(shlex.split(command)[0])
    teacher = Teacher(command, 0.3)
    _, values = teacher.values(chess.Board("r1bqkbnr/pppp1ppp/2n5/4p3/2B1P3/5Q2/PPPP1PPP/RNB1K1NR w KQkq - 4 4"))
    teacher.close()
    assert (values[0].move, values[0].mate) == ("f3f7", 1)
