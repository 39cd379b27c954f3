"""UCI and xboard engines in real processes: good answers, every way of failing, restart, clear errors."""

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import chess
import pytest

from training.evaluation.engines.engine_player import EnginePlayer
from training.evaluation.engines.engine_spec import EngineSpec, parse_options, split_command
from training.evaluation.engines.time_control import ClockFace, MoveLimit, TimeControl, parse_move_limit
from training.evaluation.failures import EvaluationError, MoveFailure, Resignation

FAKE_ENGINE = Path(__file__).parents[3] / "doubles" / "fake_uci_engine.py"


@contextmanager
def fake_engine(
    *arguments: str, limit: MoveLimit | None = None, options: dict[str, str] | None = None, stall_s: float = 60
) -> Iterator[EnginePlayer]:
    command = (sys.executable, str(FAKE_ENGINE), *arguments)
    spec = EngineSpec(command=command, options=options or {}, limit=limit or MoveLimit(nodes=1), stall_s=stall_s)
    with closing(EnginePlayer(spec)) as player:
        player.start_game(1)
        yield player


def test_moves_come_from_the_position_with_its_history() -> None:
    with fake_engine(options={"level": "3"}) as player:
        assert player.name == "Fake 1"
        board = chess.Board()
        assert player.choose_move(board).move.uci() == "a2a3"
        board.push_uci("a2a3")
        assert player.choose_move(board).move.uci() == "a7a5"
        assert len(board.move_stack) == 1


@pytest.mark.parametrize("fault", ["illegal", "none", "null"])
def test_an_answer_that_is_no_legal_move(fault: str) -> None:
    with fake_engine("--fault", fault) as player:
        with pytest.raises(MoveFailure) as failure:
            player.choose_move(chess.Board())
        assert failure.value.kind == "illegal move"


def test_a_crash_is_reported_and_the_next_game_has_a_new_process() -> None:
    with fake_engine("--fault", "crash", "--at", "2") as player:
        board = chess.Board()
        player.choose_move(board)
        for _ in range(2):
            with pytest.raises(MoveFailure) as failure:
                player.choose_move(board)
            assert failure.value.kind == "crash"
        player.start_game(2)
        assert player.choose_move(board).move.uci() == "a2a3"


def test_an_engine_that_does_not_answer_is_ended() -> None:
    with fake_engine("--fault", "hang", stall_s=0.3) as player:
        with pytest.raises(MoveFailure, match="no move after 0.3 s") as failure:
            player.choose_move(chess.Board())
        assert failure.value.kind == "stall"
        player.start_game(2)  # a new process, which hangs as well
        with pytest.raises(MoveFailure, match="no move"):
            player.choose_move(chess.Board())


def test_an_answer_after_the_move_time_loses() -> None:
    limit = MoveLimit(movetime_ms=10)
    with fake_engine("--fault", "slow", limit=limit) as player:
        with pytest.raises(MoveFailure, match="for movetime 10") as failure:
            player.choose_move(chess.Board())
        assert failure.value.kind == "time loss"


def test_programs_that_are_no_engines_are_refused_in_one_line() -> None:
    limit = MoveLimit(nodes=1)
    for command, text in [
        (("no-such-engine",), "expected an engine that starts, got 'no-such-engine'"),
        ((sys.executable, "-c", ""), "answers `uci` with `uciok`"),
    ]:
        with pytest.raises(EvaluationError, match=text) as error:
            EnginePlayer(EngineSpec(command=command, options={}, limit=limit))
        assert "\n" not in str(error.value)


def test_options_the_engine_does_not_take_are_refused() -> None:
    for options in ({"Colour": "red"}, {"Level": "12"}):
        with pytest.raises(EvaluationError, match="expected options"), fake_engine(options=options):
            pass


def test_a_game_of_debian_is_found_beside_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "engine").touch(mode=0o755)
    monkeypatch.setattr("training.evaluation.engines.engine_spec._GAMES", str(tmp_path))
    assert split_command("engine --uci") == (str(tmp_path / "engine"), "--uci")
    assert split_command("./engine") == ("./engine",) and split_command("absent") == ("absent",)
    assert split_command("true") == ("true",)  # on PATH


def test_options_and_limits_are_checked() -> None:
    assert parse_options(["Skill Level=3", "A=b=c"]) == {"Skill Level": "3", "A": "b=c"}
    with pytest.raises(EvaluationError, match="Name=Value, got 'Hash'"):
        parse_options(["Hash"])
    with pytest.raises(EvaluationError, match="expected one of nodes"):
        MoveLimit()
    with pytest.raises(EvaluationError, match="expected one of nodes"):
        MoveLimit(nodes=1, depth=2)
    with pytest.raises(EvaluationError, match="expected one of nodes"):
        MoveLimit(nodes=0)


@pytest.mark.parametrize("text", ["nodes=1", "depth=12", "movetime=50", "tc=1+0.01", "tc=40/60", "tc=0.5"])
def test_limits_are_written_as_they_are_read(text: str) -> None:
    assert str(parse_move_limit(text)) == text


def test_clocks_may_have_minutes_and_moves() -> None:
    assert parse_move_limit("tc=40/1:30+0.5").clock == TimeControl(moves=40, base_s=90, increment_s=0.5)
    for text in ("", "nodes", "nodes=0", "nodes=x", "tc=", "tc=-1", "tc=0", "speed=1", "1+0.01"):
        with pytest.raises(EvaluationError, match="expected a (limit|clock)"):
            parse_move_limit(text)


def test_a_thought_has_score_depth_nodes_and_the_time_from_go_to_bestmove() -> None:
    with fake_engine("--score", "35") as player:
        thought = player.choose_move(chess.Board()).thought
    assert (thought.score_cp, thought.mate, thought.depth, thought.nodes) == (35, None, 3, 7)
    assert 0 < thought.elapsed_s < 5
    with fake_engine("--fault", "slow") as player:
        assert player.choose_move(chess.Board()).thought.elapsed_s == pytest.approx(0.3, abs=0.25)


def test_a_clock_is_sent_and_its_end_is_awaited() -> None:
    limit = parse_move_limit("tc=0.2")
    with fake_engine("--fault", "hang", limit=limit, stall_s=0.1) as player:
        assert player.time_control == limit.clock
        with pytest.raises(MoveFailure, match="no move after 0.3 s"):
            player.choose_move(chess.Board(), ClockFace(white_s=0.2, black_s=0.2))


def test_an_xboard_engine_plays_and_resigns() -> None:
    command = (sys.executable, str(FAKE_ENGINE.with_name("fake_xboard_engine.py")))
    spec = EngineSpec(command=command, options={}, limit=MoveLimit(depth=1), protocol="xboard")
    with closing(EnginePlayer(spec)) as player:
        assert player.name == "Fake X"
        player.start_game(1)
        board = chess.Board()
        for expected in ("a2a3", "a7a5"):
            move = player.choose_move(board).move
            assert move.uci() == expected
            board.push(move)
        board.set_fen("7k/8/8/8/8/8/8/K6R b - - 0 1")
        with pytest.raises(Resignation):
            player.choose_move(board)


def test_an_xboard_engine_that_counts_no_nodes_is_refused_nodes() -> None:
    command = (sys.executable, str(FAKE_ENGINE.with_name("fake_xboard_engine.py")))
    with pytest.raises(EvaluationError, match="cannot count nodes"):
        EnginePlayer(EngineSpec(command=command, options={}, limit=MoveLimit(nodes=1), protocol="xboard"))
