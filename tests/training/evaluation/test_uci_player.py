"""UCI engines in real processes: good answers, every way of failing, restart, clear errors."""

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import chess
import pytest

from training.evaluation.engine_spec import EngineSpec, MoveLimit, own_engine_command, parse_options
from training.evaluation.evaluation_error import EvaluationError
from training.evaluation.match_player import MoveFailure
from training.evaluation.uci_player import UciPlayer

FAKE_ENGINE = Path(__file__).with_name("fake_uci_engine.py")


@contextmanager
def fake_engine(
    *arguments: str, limit: MoveLimit | None = None, options: dict[str, str] | None = None
) -> Iterator[UciPlayer]:
    command = (sys.executable, str(FAKE_ENGINE), *arguments)
    spec = EngineSpec(command=command, options=options or {}, limit=limit or MoveLimit(nodes=1))
    with closing(UciPlayer(spec)) as player:
        player.start_game()
        yield player


def test_moves_come_from_the_position_with_its_history() -> None:
    with fake_engine(options={"level": "3"}) as player:
        assert player.name == "Fake 1"
        board = chess.Board()
        assert player.choose_move(board).uci() == "a2a3"
        board.push_uci("a2a3")
        assert player.choose_move(board).uci() == "a7a5"
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
        player.start_game()
        assert player.choose_move(board).uci() == "a2a3"


def test_an_engine_that_does_not_answer_is_ended() -> None:
    with fake_engine("--fault", "hang", limit=MoveLimit(nodes=1, hang_s=0.3)) as player:
        with pytest.raises(MoveFailure, match="no move after 0.3 s") as failure:
            player.choose_move(chess.Board())
        assert failure.value.kind == "time loss"


def test_an_answer_after_the_move_time_loses() -> None:
    limit = MoveLimit(movetime_ms=10, overrun_ms=100)
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
            UciPlayer(EngineSpec(command=command, options={}, limit=limit))
        assert "\n" not in str(error.value)


def test_options_the_engine_does_not_take_are_refused() -> None:
    for options in ({"Colour": "red"}, {"Level": "12"}):
        with pytest.raises(EvaluationError, match="expected UCI options"), fake_engine(options=options):
            pass


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


def test_the_default_engine_is_this_checkout(tmp_path: Path) -> None:
    python, program, *rest = own_engine_command(tmp_path)
    assert python == sys.executable
    assert Path(program) == Path(__file__).parents[3] / "uci_main.py"
    assert rest == ["--weights", str(tmp_path)]
