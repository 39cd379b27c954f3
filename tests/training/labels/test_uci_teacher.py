"""What a teacher's lines are taken to say."""

import sys
from pathlib import Path

import chess
import pytest

from engine.uci_client import TeacherError
from tests.doubles.scripted_teacher import write_teacher
from training.labels.uci_teacher import UciTeacher


@pytest.fixture
def teacher_command(tmp_path: Path) -> str:
    return write_teacher(tmp_path)


def test_values_are_those_of_the_exact_lines(teacher_command: str) -> None:
    teacher = UciTeacher(teacher_command.split(), {})
    values = teacher.move_values("6k1/5ppp/8/8/8/8/8/R5K1 w - - 0 1", 1)
    teacher.close()
    assert values["a1a8"] == 1 - 0.001
    assert values["g1h2"] == pytest.approx(0.04 + 0.92 / (1 + 10 ** (-0.00368208 * 100 / 2.302585)), abs=1e-6)
    assert len(values) == len(list(chess.Board("6k1/5ppp/8/8/8/8/8/R5K1 w - - 0 1").legal_moves))


def test_a_longer_search_decides_about_the_best_moves(teacher_command: str) -> None:
    fen = "7k/8/8/8/8/8/8/K7 w - - 0 1"  # a1a2, a1b1, a1b2 at 300, 200, 100 centipawns
    teacher = UciTeacher(teacher_command.split(), {})
    short = teacher.move_values(fen, 1)
    values = teacher.with_best_moves_searched(fen, short, 100, 4)
    teacher.close()
    assert (values["a1b2"], values["a1b1"]) == (short["a1b1"], short["a1b2"])  # 200 and 100 by the longer search
    # What it saw only in an early iteration is below the worst that it listed.
    assert values["a1a2"] == pytest.approx(values["a1b1"] - 0.01)


def test_a_move_that_was_low_stays_where_it_was(teacher_command: str) -> None:
    teacher = UciTeacher(teacher_command.split(), {})
    short = {"a1a2": 0.2, "a1b1": 0.5, "a1b2": 0.5}
    values = teacher.with_best_moves_searched("7k/8/8/8/8/8/8/K7 w - - 0 1", short, 9, 4)
    teacher.close()
    assert values["a1a2"] == 0.2


def test_moves_searched_together_have_the_last_word_and_bound_the_others(teacher_command: str) -> None:
    old = {"a1a2": 0.9, "a1b1": 0.8, "a1b2": 0.7, "a2a3": 0.6, "a2b3": 0.1}
    teacher = UciTeacher(teacher_command.split(), {})
    values = teacher.with_moves_searched("7k/8/8/8/8/8/8/K7 w - - 0 1", old, ["a1a2", "a1b1", "a1b2"], 7)
    teacher.close()
    level, pawn_down = 0.5, 0.04 + 0.92 / (1 + 10 ** (0.00368208 * 100 / 2.302585))
    # The place that the last iteration did not reach is not worth more than the one before it.
    found = pytest.approx((level, pawn_down, pawn_down), abs=1e-6)
    assert (values["a1b2"], values["a1a2"], values["a1b1"]) == found
    assert values["a2a3"] == pytest.approx((level + 2 * pawn_down) / 3, abs=1e-6)
    assert values["a2b3"] == 0.1


FEW_LINES = "input(); print('option name MultiPV type spin default 1 min 1 max 4\\nuciok')"


def test_a_program_that_does_not_answer_is_no_teacher(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.uci_client._PATIENCE_S", 0.5)
    with pytest.raises(TeacherError, match=r"with `uciok` as teacher, got cat: no answer in 0\.5 s$"):
        UciTeacher(["cat"], {})


@pytest.mark.parametrize(
    "command",
    [["absent-engine"], [sys.executable, "-c", "input(); print('uciok')"], [sys.executable, "-c", FEW_LINES]],
)
def test_what_is_no_teacher_is_refused(command: list[str]) -> None:
    with pytest.raises(TeacherError, match=r"as teacher, got "):
        UciTeacher(command, {})


TELLS = "option name MultiPV type spin default 1 min 1 max 500\\noption name Hash type spin default 16 min 1 max 64"
MUTE = f"""
import sys
for line in sys.stdin:
    word = line.split()[0]
    if word == "uci":
        print("{TELLS}\\nuciok", flush=True)
    elif word == "isready":
        print(REFUSAL + "readyok", flush=True)
    elif word == "go":
        print("info depth 1 score cp 3 pv e2e4\\nbestmove e2e4", flush=True)
"""


def unhelpful(refusal: str = "") -> list[str]:
    return [sys.executable, "-c", MUTE.replace("REFUSAL", repr(refusal))]


def test_an_engine_that_does_not_value_all_moves_is_refused_before_it_is_asked_for_labels() -> None:
    teacher = UciTeacher(unhelpful(), {"hash": "32"})
    with pytest.raises(TeacherError, match="all 20 moves of the starting position, got .*, which left 19 out"):
        teacher.check()


@pytest.mark.parametrize(
    ("options", "refusal", "said"),
    [
        ({"Hsh": "32"}, "", "expected an option of the teacher .*, got 'Hsh'; it has hash, multipv"),
        ({"Hash": "100"}, "", "expected a number from 1 to 64 for the teacher's option Hash, got '100'"),
        ({"Hash": "much"}, "", "expected a number from 1 to 64 for the teacher's option Hash, got 'much'"),
        ({"Hash": "9"}, "info string ERROR: no memory\n", "to take its options, got 'info string ERROR: no memory'"),
    ],
)
def test_an_option_that_the_engine_does_not_take_is_refused(options: dict[str, str], refusal: str, said: str) -> None:
    with pytest.raises(TeacherError, match=said):
        UciTeacher(unhelpful(refusal), options)
