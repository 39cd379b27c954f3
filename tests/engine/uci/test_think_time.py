import time

import pytest

from engine.uci.commands import Go
from engine.uci.held_answer import HeldAnswer
from engine.uci.time_budget import considered_s
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
    talk.session.run(["go\n"])
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
    assert talk.say("ponderhit") == ["bestmove e2e4"]


@pytest.mark.parametrize(
    ("go", "seconds"),
    [
        (Go(), 5.0),
        (Go(wtime_ms=30_100), 1.0),
        (Go(wtime_ms=30_100, winc_ms=1000, binc_ms=9000), 1.8),
        (Go(wtime_ms=30_100, movestogo=10), 3.0),
        (Go(wtime_ms=30_100, movestogo=1), 5.0),
        (Go(wtime_ms=2_100, winc_ms=60_000), 2.0),
        (Go(wtime_ms=-5), 0.0),
        (Go(movetime_ms=900), 0.8),
        (Go(btime_ms=100), 5.0),
    ],
)
def test_the_share_of_the_clock(go: Go, seconds: float) -> None:
    assert considered_s(go, True, overhead_ms=100, think_ms=5000) == pytest.approx(seconds)


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
