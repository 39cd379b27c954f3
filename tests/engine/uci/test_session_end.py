"""What is still answered after `quit` and at the end of the input."""

import io
import time
from collections.abc import Callable, Iterator

import pytest

from engine.uci.options import WeightsRequest
from engine.uci.protocol_streams import ProtocolOutput
from engine.uci.uci_loop import UciLoop
from tests.doubles.fake_evaluator import FakeEvaluator
from tests.doubles.talk import Talk, bestmoves


def _slow_load(seconds: float) -> Callable[[WeightsRequest], FakeEvaluator]:
    def load(_request: WeightsRequest) -> FakeEvaluator:
        time.sleep(seconds)
        return FakeEvaluator()

    return load


def test_quit_answers_what_was_asked() -> None:
    talk = Talk()
    talk.loop.run(["isready", "go", "go infinite", "isready", "quit", "this line is not read"])
    lines = talk.take()
    assert bestmoves(lines) == ["bestmove e2e4"] * 2 and lines.count("readyok") == 2


def test_quit_does_not_wait_for_what_nobody_asked_for() -> None:
    talk = Talk(_slow_load(2.0))
    started_s = time.monotonic()
    talk.loop.run(["position startpos", "quit"])
    assert talk.loop.controller.busy and time.monotonic() - started_s < 1.0


def test_quit_is_patient_for_as_long_as_the_input_is_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.uci.controller._PATIENCE_S", 0.3)
    talk = Talk(_slow_load(1.0))
    talk.loop.run(["isready", "quit"])
    assert talk.take() == ["readyok"]

    def lines() -> Iterator[str]:
        yield from ("setoption name WeightsFile value other", "isready", "quit")
        time.sleep(5.0)  # the chess program keeps its pipe open

    started_s = time.monotonic()
    talk.loop.run(lines())
    assert talk.take() == [] and time.monotonic() - started_s < 0.9


def test_a_load_that_hangs_does_not_keep_a_finished_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.uci.controller._LONGEST_LOAD_S", 0.3)
    talk = Talk(_slow_load(3.0))
    started_s = time.monotonic()
    talk.loop.run(["isready"])
    assert talk.take() == [] and time.monotonic() - started_s < 1.5


def test_the_end_of_the_input_ends_after_what_was_ordered() -> None:
    talk = Talk()
    talk.loop.run(["go\n", "go infinite\n", "go perft 2\n"])
    lines = talk.take()
    assert bestmoves(lines) == ["bestmove e2e4"] * 2 and lines[-1] == "Nodes searched: 400"


def test_nothing_is_done_once_nobody_reads() -> None:
    class Broken(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    loop = UciLoop(ProtocolOutput(Broken()), lambda _: FakeEvaluator())
    loop.run(iter(["uci", "this line ends the test if it is read"] * 1))
    assert not loop.controller.busy


@pytest.mark.parametrize("end", [["quit"], []])
@pytest.mark.parametrize("go", ["go infinite", "go ponder"])
def test_the_end_releases_an_answer_that_has_long_been_held(go: str, end: list[str]) -> None:
    talk = Talk()
    assert not bestmoves(talk.say(go)) and not talk.loop.controller.busy
    talk.loop.run(end)
    assert bestmoves(talk.take()) == ["bestmove e2e4"]
