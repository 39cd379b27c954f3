import threading
import time
from pathlib import Path

import chess
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.player.evaluator import Evaluation
from engine.player.polyglot_book import PolyglotBook
from engine.uci.options import OPTIONS, WeightsRequest
from tests.doubles.fake_evaluator import FakeEvaluator
from tests.doubles.talk import MATED, Talk, bestmoves
from tests.engine.player.test_polyglot_book import write_book


def test_uci_names_the_engine_and_its_options_without_loading() -> None:
    talk = Talk()
    lines = talk.say("uci")
    assert lines[0].startswith("id name RecurseZero ") and lines[1].startswith("id author ")
    assert [line.split(" type ")[0] for line in lines[2:-1]] == [f"option name {option.name}" for option in OPTIONS]
    assert lines[-1] == "uciok" and not talk.requests
    assert talk.say("uci")[-1] == "uciok"


def test_isready_loads_once_and_is_answered_each_time() -> None:
    talk = Talk()
    assert talk.say("isready", "isready") == ["readyok"] * 2
    assert talk.say("isready") == ["readyok"]
    assert talk.requests == [WeightsRequest(None, 1)]


def test_isready_is_answered_before_chess_programs_give_up_and_go_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.uci.held_answer._READYOK_WITHIN_S", 0.05)
    loaded = threading.Event()

    def load(_request: WeightsRequest) -> FakeEvaluator:
        assert loaded.wait(5.0)
        return FakeEvaluator({"e2e4": 4.0})

    talk = Talk(load)
    talk.loop.handle("isready")
    talk.loop.handle("isready")
    talk.loop.handle("go")
    time.sleep(0.5)
    note, *answers = talk.take()
    assert note.startswith("info string the network is still being compiled") and answers == ["readyok"] * 2
    loaded.set()
    assert bestmoves(talk.say("d")) == ["bestmove e2e4"]


def test_an_answered_isready_does_not_hurry_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.uci.held_answer._READYOK_WITHIN_S", 0.6)
    loaded = threading.Event()

    def load(request: WeightsRequest) -> FakeEvaluator:
        assert request.folder is None or loaded.wait(5.0)
        return FakeEvaluator()

    talk = Talk(load)
    assert talk.say("isready") == ["readyok"]
    time.sleep(0.4)
    talk.loop.handle("setoption name WeightsFile value other")
    talk.loop.handle("isready")
    time.sleep(0.35)  # the first one's time is over, the second one's is not
    assert talk.take() == []
    loaded.set()
    assert talk.say("d").count("readyok") == 1


def test_isready_waits_for_the_network() -> None:
    loaded = threading.Event()

    def load(_request: WeightsRequest) -> FakeEvaluator:
        assert loaded.wait(5.0)
        return FakeEvaluator()

    talk = Talk(load)
    talk.loop.handle("isready")
    talk.loop.handle("go")
    talk.loop.handle("isready")
    time.sleep(0.02)
    assert talk.take() == []
    loaded.set()
    lines = talk.say()
    assert lines.count("readyok") == 2 and len(bestmoves(lines)) == 1


def test_a_go_keeps_the_position_and_settings_it_started_with() -> None:
    loaded = threading.Event()

    def load(_request: WeightsRequest) -> FakeEvaluator:
        assert loaded.wait(5.0)
        return FakeEvaluator({"e2e4": 4.0})

    talk = Talk(load)
    talk.loop.handle("go")
    talk.loop.handle("setoption name MultiPV value 3")
    talk.loop.handle("position startpos moves e2e4")
    loaded.set()
    lines = talk.say()
    assert len(lines) == 2 and lines[-1] == "bestmove e2e4"


@pytest.mark.parametrize(
    "line",
    ["setoption name Hash value x", "setoption",
     "setoption name Temperature value hot", "debug", "xyzzy", "go2", "\u2654 \x07"],
)  # fmt: skip
def test_a_mistake_gives_one_line_and_keeps_the_state(line: str) -> None:
    talk = Talk()
    talk.say("uci", "position startpos moves e2e4")
    lines = talk.say(line)
    assert len(lines) == 1 and lines[0].startswith("info string error: expected ")
    assert ", got " in lines[0] and lines[0].isascii()
    assert bestmoves(talk.say("go")) == ["bestmove e7e5"]


@pytest.mark.parametrize(
    "line",
    ["position startpos moves e2e4 e2e4 d2d4", "position startpos moves e2e4 0000",
     "position fen 8/8/8/8/8/8/8/8 w - - 0 1", "position fen 4k3/8/8/8/QQQQQQQQ/QQQQQQQQ/8/4K3 w - - 0 1",
     "position fen junk", "position"],
)  # fmt: skip
def test_after_a_refused_position_no_move_of_an_older_one_is_played(line: str) -> None:
    talk = Talk()
    talk.say("uci", "position startpos moves e2e4")
    (problem,) = talk.say(line)
    assert problem.startswith("info string error: expected ") and ", got " in problem and problem.isascii()
    refusal = "info string error: no position is set up: " + problem.removeprefix("info string error: ")
    assert talk.say("go") == talk.say("go wtime 100 btime 100") == [refusal, "bestmove (none)"]
    assert talk.say("d") == talk.say("eval") == [refusal] and talk.say("isready") == ["readyok"]
    assert talk.say("go infinite") == [refusal] and talk.say("stop") == ["bestmove (none)"]
    assert talk.say("go ponder") == [refusal] and talk.say("ponderhit") == ["bestmove (none)"]
    assert bestmoves(talk.say("position startpos moves e2e4", "go")) == ["bestmove e7e5"]
    assert len(talk.say(line)) == 1 and bestmoves(talk.say("ucinewgame", "go")) == ["bestmove e2e4"]


def test_options_of_other_engines_are_not_answered(capsys: pytest.CaptureFixture[str]) -> None:
    talk = Talk()
    line = "setoption name SmartPruningFactor value 0"
    assert talk.say("uci")[-1] == "uciok" and talk.say(line) == []
    assert "expected the name of an option, got 'SmartPruningFactor' (allowed: Hash, " in capsys.readouterr().err
    assert talk.say("debug on", line)[0].startswith("info string error: expected the name of an option, got ")


def test_readyok_comes_after_files_are_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    talk = Talk()
    talk.say("isready")
    opening = threading.Event()
    monkeypatch.setattr("engine.uci.thinking.PolyglotBook", lambda path: opening.wait(5.0) and PolyglotBook(path))
    for line in ("setoption name BookFile value absent.bin", "isready", "isready"):
        talk.loop.handle(line)
    time.sleep(0.02)
    assert talk.take() == []
    opening.set()
    lines = talk.say("isready")
    assert lines[0].startswith("info string error: expected a Polyglot book") and lines[1:] == ["readyok"] * 3


def test_other_protocols_are_ignored_before_uci() -> None:
    assert Talk().say("xboard", "protover 2", "", " \t") == []
    assert Talk().say("register later") == []


@pytest.mark.parametrize("line", ["position startpos", "ucinewgame"])
def test_the_network_is_loaded_before_it_is_asked_for(line: str) -> None:
    talk = Talk()
    assert talk.say(line) == [] and talk.requests == [WeightsRequest(None, 1)]
    assert talk.say("isready", "go")[0] == "readyok" and len(talk.requests) == 1


def test_isready_loads_the_network_also_if_a_book_answers(tmp_path: Path) -> None:
    book = write_book(tmp_path / "book.bin", [(chess.Board(), "h2h4", 1)])
    talk = Talk()
    options = ["setoption name OwnBook value true", f"setoption name BookFile value {book}"]
    assert talk.say(*options, "isready") == ["readyok"] and len(talk.requests) == 1
    assert bestmoves(talk.say("go")) == ["bestmove h2h4"]


def test_without_a_network_each_go_says_so_and_gives_no_move() -> None:
    def load(_request: WeightsRequest) -> FakeEvaluator:
        raise ValueError("expected weights,\n got none")

    talk = Talk(load)
    assert talk.say("isready") == [
        "info string error: expected weights, got none; no move is given",
        "readyok",
    ]
    expected = ["info string error: no network is loaded: expected weights, got none", "bestmove (none)"]
    assert talk.say("go") == expected and talk.say("go") == expected
    assert talk.say("isready") == ["readyok"] and talk.say("eval") == expected[:1]
    assert talk.say("setoption name Hash value 8", "isready") == ["readyok"]
    assert len(talk.requests) == 1


def test_another_network_is_loaded_and_a_bad_one_keeps_the_last() -> None:
    def load(request: WeightsRequest) -> FakeEvaluator:
        if request.folder == Path("bad"):
            raise RuntimeError("damaged")
        return FakeEvaluator({"a2a4" if request.folder else "e2e4": 5.0})

    talk = Talk(load)
    assert bestmoves(talk.say("isready", "go")) == ["bestmove e2e4"]
    assert talk.say("setoption name WeightsFile value other", "isready") == ["readyok"]
    assert bestmoves(talk.say("go")) == ["bestmove a2a4"]
    lines = talk.say("setoption name WeightsFile value bad", "isready", "go")
    assert lines[0] == "info string error: damaged; the network loaded before plays on"
    assert lines[1] == "readyok" and lines[-1] == "bestmove a2a4"
    assert talk.say("setoption name WeightsFile value bad", "isready")[0].startswith("info string")
    assert bestmoves(talk.say("setoption name WeightsFile value <empty>", "go")) == ["bestmove e2e4"]
    assert [request.folder and request.folder.name for request in talk.requests] == [
        None, "other", "bad", "bad", None,
    ]  # fmt: skip


def test_a_network_can_be_changed_while_an_answer_is_held() -> None:
    talk = Talk()
    talk.say("go infinite")
    assert talk.say("setoption name WeightsFile value other", "isready") == ["readyok"]
    assert bestmoves(talk.say("stop")) == ["bestmove e2e4"]


def test_threads_are_passed_to_the_first_load_and_said_to_be_late_afterwards() -> None:
    talk = Talk()
    assert talk.say("setoption name Threads value 4", "isready") == ["readyok"]
    assert talk.requests[0].threads == 4
    lines = talk.say("setoption name Threads value 2")
    assert len(lines) == 1 and lines[0].startswith("info string Threads 2 takes effect when")
    assert talk.say("setoption name Threads value 4", "isready") == ["readyok"]
    assert len(talk.requests) == 1


def test_a_failing_evaluation_still_gives_an_answer(capsys: pytest.CaptureFixture[str]) -> None:
    class FailingEvaluator(FakeEvaluator):
        def evaluate(self, _boards: object) -> list[Evaluation]:
            raise RuntimeError("out of\nmemory")

    talk = Talk(lambda _: FailingEvaluator())
    lines = talk.say("go", "isready")
    assert lines[:-1] == ["info string error: RuntimeError: out of memory", "bestmove (none)"] or (
        set(lines) == {"readyok", "info string error: RuntimeError: out of memory", "bestmove (none)"}
    )
    assert "Traceback" in capsys.readouterr().err
    assert talk.say("go infinite")[-1].startswith("info string error")
    assert talk.say("stop") == ["bestmove (none)"]


def test_people_can_ask_for_the_board_the_evaluation_and_help() -> None:
    talk = Talk()
    assert any("Fen: rnbqkbnr" in line for line in talk.say("d"))
    lines = talk.say("eval")
    assert lines[0].startswith("Policy (20 moves, entropy ") and "e2e4   16.67 %" in lines[1]
    assert lines[-2:] == [
        "Side to move: win 50.0 %, draw 30.0 %, loss 20.0 %, expected score 0.650, +168 cp",
        "Solver: 7 steps, residual 0.0004, converged",
    ]
    assert talk.say(MATED, "eval") == ["No legal moves: mated"]
    assert talk.say("setoption name UCI_Opponent value GM 2800 human A")[:] == []
    assert talk.say("d")[-1] == "Opponent: GM 2800 human A"
    assert any("go perft" in line for line in talk.say("help"))


def test_perft_counts_without_a_network_and_stops() -> None:
    talk = Talk()
    lines = talk.say("go perft 3")
    assert lines[-1] == "Nodes searched: 8902" and lines[0] == "a2a3: 380"
    assert not bestmoves(lines) and not talk.requests
    assert talk.say("go perft 0")[-1] == "Nodes searched: 1"
    talk.loop.handle("go perft 30")
    assert talk.say("stop")[-1] == "info string perft stopped"


_JUNK = st.text(max_size=60) | st.binary(max_size=60).map(lambda data: data.decode(errors="replace"))


@given(st.lists(_JUNK, max_size=8))
@settings(max_examples=50, deadline=None)
def test_junk_never_gets_more_than_an_info_string(lines: list[str]) -> None:
    words = {"uci", "isready", "quit", "d", "eval", "help", "go", "stop", "register", "ponderhit"}
    junk = [line for line in lines if not words & set(line.split()[:1])]
    talk = Talk()
    talk.say("uci")
    for line in talk.say(*junk):
        assert line.startswith("info string error: expected ") and line.isascii()
    assert bestmoves(talk.say("position startpos", "go")) == ["bestmove e2e4"]
