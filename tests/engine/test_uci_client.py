"""The client of teachers: engines that stall, and the lines it believes."""

import sys
from pathlib import Path

import pytest

from engine.uci_client import MoveScore, TeacherError, UciClient

FAKE = (sys.executable, str(Path(__file__).parents[1] / "doubles" / "fake_teacher.py"))


def test_a_search_that_takes_too_long_is_ended() -> None:
    client = UciClient((*FAKE, "--hang"), {})
    with pytest.raises(TeacherError, match=r"expected bestmove from the teacher .*, but it gave none in 0\.2 s$"):
        client.scores("startpos", "depth 1", 1, patience_s=0.2)
    client.close()


def test_scores_follow_the_moves_of_the_position() -> None:
    client = UciClient(FAKE, {})
    assert (client.name, client.most_lines) == ("Fake Teacher", 500)
    assert client.scores("startpos moves e2e4", "movetime 1", 2) == [
        MoveScore("a7a5", None, 2, 7),
        MoveScore("a7a6", 50, None, 7),
    ]
    client.close()
