import time

import pytest

from engine.uci.held_answer import HeldAnswer
from tests.doubles.talk import Talk, bestmoves


def _until_bestmove(talk: Talk, *lines: str) -> float:
    """Returns the seconds until the answer to the last of the lines."""
    started_s = time.monotonic()
    answers = bestmoves(talk.say(*lines))
    while not answers:
        assert time.monotonic() - started_s < 5.0
        time.sleep(0.001)
        answers = bestmoves(talk.take())
    return time.monotonic() - started_s


@pytest.fixture
def talk() -> Talk:
    talk = Talk()
    talk.say("isready", "setoption name Move Overhead value 0")
    return talk


def test_a_move_is_kept_back_and_the_engine_stays_responsive(talk: Talk) -> None:
    talk.say("setoption name ThinkTime value 200")
    started_s = time.monotonic()
    info, *rest = talk.say("go")
    assert info.startswith("info depth") and not rest and talk.say("isready") == ["readyok"]
    assert time.monotonic() - started_s < 0.15
    time.sleep(0.25)
    assert talk.take() == ["bestmove e2e4"]


def test_stop_ends_the_waiting(talk: Talk) -> None:
    talk.say("setoption name ThinkTime value 60000", "go")
    assert talk.say("stop") == ["bestmove e2e4"] and talk.say("stop") == []
    talk.say("go")
    assert bestmoves(talk.say("go")) == ["bestmove e2e4"]  # of the first one
    assert talk.say("ucinewgame") == ["bestmove e2e4"]


def test_the_end_of_the_input_ends_the_waiting(talk: Talk) -> None:
    talk.say("setoption name ThinkTime value 60000")
    started_s = time.monotonic()
    talk.loop.run(["go\n"])
    assert bestmoves(talk.take()) == ["bestmove e2e4"] and time.monotonic() - started_s < 2.0


def test_the_clock_bounds_the_waiting(talk: Talk) -> None:
    talk.say("setoption name ThinkTime value 60000")
    assert _until_bestmove(talk, "go wtime 3000 btime 3000") == pytest.approx(0.1, abs=0.08)
    assert _until_bestmove(talk, "go movetime 80") == pytest.approx(0.08, abs=0.05)
    assert _until_bestmove(talk, "go wtime 1 btime 1") < 0.1


def test_a_forced_move_and_analysis_do_not_wait(talk: Talk) -> None:
    talk.say("setoption name ThinkTime value 60000")
    assert _until_bestmove(talk, "position fen k7/8/1K6/8/8/8/8/1R6 b - - 0 1", "go") < 0.2
    assert _until_bestmove(talk, "position startpos", "setoption name UCI_AnalyseMode value true", "go") < 0.2


def test_a_ponderhit_is_answered_at_once(talk: Talk) -> None:
    talk.say("setoption name ThinkTime value 60000", "go ponder wtime 60000 btime 60000")
    assert talk.say("ponderhit")[1:] == ["bestmove e2e4"]


def test_an_answer_released_before_it_was_known_is_not_delayed() -> None:
    written: list[str] = []

    class Output:
        def write(self, line: str) -> None:
            written.append(line)

    answer = HeldAnswer(Output(), held=True)  # type: ignore[arg-type]
    answer.release()
    answer.give("bestmove e2e4", delay_s=60.0)
    answer.release()
    assert written == ["bestmove e2e4"]
