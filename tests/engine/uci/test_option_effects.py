"""What each option changes; those of time, log and statistics have files of their own."""

import os
from collections import Counter
from pathlib import Path

import chess
import pytest

from engine.player.strength import HIGHEST_ELO, LOWEST_ELO, STRENGTH_OF_ELO
from engine.uci.options import WeightsRequest
from tests.doubles.talk import Talk, bestmoves
from tests.engine.player.test_endgame_tables import TABLES
from tests.engine.player.test_polyglot_book import write_book

_PAWN_TAKES_QUEEN = "position fen 4k3/8/8/3q4/4P3/8/8/4K3 w - - 0 1"


def _set(talk: Talk, **values: object) -> list[str]:
    return talk.say(*(f"setoption name {name} value {value}" for name, value in values.items()))


def _at(talk: Talk, position: str) -> Talk:
    assert talk.say(position) == []
    return talk


def _moves(talk: Talk, count: int = 200) -> Counter[str]:
    return Counter(line.split()[1] for line in bestmoves(talk.say(*["go"] * count)))


@pytest.fixture
def talk() -> Talk:
    talk = Talk()
    talk.say("setoption name Seed value 5", "isready")
    return talk


def test_a_limited_strength_draws_the_more_freely_the_lower_it_is(talk: Talk) -> None:
    talk.say("setoption name UCI_LimitStrength value true")
    shares = []
    for elo in STRENGTH_OF_ELO:
        talk.say(f"setoption name UCI_Elo value {elo}")
        shares.append(_moves(talk)["e2e4"] / 200)
    assert shares == sorted(shares) and shares[0] < 0.3 and shares[-1] == 1.0
    talk.say(f"setoption name UCI_Elo value {LOWEST_ELO}", "setoption name UCI_LimitStrength value false")
    assert set(_moves(talk, 20)) == {"e2e4"}


def test_a_limited_strength_takes_the_place_of_the_temperature(talk: Talk) -> None:
    _set(talk, Temperature=5, UCI_LimitStrength="true", UCI_Elo=HIGHEST_ELO)
    assert set(_moves(talk, 50)) == {"e2e4"}


def test_the_temperature_falls_in_the_course_of_the_game(talk: Talk) -> None:
    third_move = "position startpos moves g1f3 g8f6 f3g1 f6g8"
    _set(talk, Temperature=1)
    assert len(_moves(talk, 50)) > 5
    assert len(_moves(_at(talk, third_move), 50)) > 5
    talk.say("setoption name TempDecayMoves value 2")
    assert len(_moves(talk, 20)) == 1
    assert len(_moves(_at(talk, "position startpos"), 50)) > 5
    _set(talk, TempDecayMoves=0, TempCutoffMove=3)
    assert len(_moves(talk, 50)) > 5
    assert len(_moves(_at(talk, third_move), 20)) == 1


def test_analysis_is_not_random_and_asks_no_book(talk: Talk, tmp_path: Path) -> None:
    book = write_book(tmp_path / "book.bin", [(chess.Board(), "h2h4", 1)])
    _set(talk, UCI_LimitStrength="true", UCI_Elo=LOWEST_ELO, Temperature=3, OwnBook="true", BookFile=book)
    assert set(_moves(talk, 20)) == {"h2h4"}
    talk.say("setoption name UCI_AnalyseMode value true")
    assert set(_moves(talk, 50)) == {"e2e4"}


def test_the_book_is_asked_while_it_has_moves(talk: Talk, tmp_path: Path) -> None:
    book = write_book(tmp_path / "a book.bin", [(chess.Board(), "h2h4", 1)])
    assert _set(talk, BookFile=book) == [] and set(_moves(talk, 3)) == {"e2e4"}
    talk.say("setoption name OwnBook value true")
    lines = talk.say("go")
    assert lines[-1] == "bestmove h2h4" and lines[-2].endswith(" pv h2h4") and " score cp 168 " in lines[-2]
    assert bestmoves(talk.say("go searchmoves d2d4 a2a3")) == ["bestmove d2d4"]
    assert bestmoves(talk.say("go infinite", "stop")) == ["bestmove e2e4"]
    assert bestmoves(talk.say("position startpos moves h2h4", "go")) == ["bestmove e7e5"]
    assert talk.say("position startpos", f"setoption name BookFile value {tmp_path}")[0].startswith(
        "info string error: expected a Polyglot book for BookFile"
    )
    assert bestmoves(talk.say("go")) == ["bestmove e2e4"]
    assert len(talk.say("setoption name BookFile value ~no-such-user/book.bin")) == 1
    assert talk.say("setoption name BookFile value <empty>") == []


def test_endgame_tables_choose_the_move_and_its_score(talk: Talk, tmp_path: Path) -> None:
    position = "position fen 4k3/8/4K3/4P3/8/8/8/8 w - - 0 1"
    assert bestmoves(talk.say(position, "go")) == ["bestmove e6d5"]
    empty = talk.say(f"setoption name SyzygyPath value {tmp_path}")
    assert len(empty) == 1 and empty[0].startswith("info string error: expected a folder with Syzygy tables")
    assert talk.say(f"setoption name SyzygyPath value {TABLES}") == ["info string endgame tables with up to 3 pieces"]
    _set(talk, UCI_ShowWDL="true", MultiPV=2, Temperature=2)
    lines = talk.say("go")
    assert lines[-1] in ("bestmove e6d6", "bestmove e6f6")
    assert " wdl 1000 0 0 " in lines[0] and " tbhits 4 " in lines[0]
    assert " tbhits 0 " in talk.say("position startpos", "go")[0]
    talk.say("setoption name SyzygyPath value <empty>")
    assert " tbhits 0 " in talk.say(position, "go")[0]


def test_a_folder_of_tables_that_is_missing_is_reported_once(talk: Talk) -> None:
    # The stock settings of lichess-bot name this folder, so it is no error.
    for folders in ("./syzygy/", "~no-such-user/tables"):
        line = f"setoption name SyzygyPath value {folders}"
        remark = f"info string SyzygyPath '{folders}' does not exist; no endgame tables are used"
        assert talk.say(line, "isready") == [remark, "readyok"] and talk.say(line, "go")[-1] == "bestmove e2e4"
        assert talk.say(line) == [] and talk.say("setoption name SyzygyPath value ") == []
    found = "info string endgame tables with up to 3 pieces"
    lines = talk.say(f"setoption name SyzygyPath value none{os.pathsep} {TABLES} {os.pathsep}")
    assert lines[0].startswith("info string error: expected a folder with Syzygy tables for SyzygyPath, got 'none' (No")
    assert lines[1:] == [found]
    assert talk.say(f"setoption name SyzygyPath value {TABLES} ") == [found]


def test_numbers_out_of_range_are_reported_and_the_nearest_one_is_used(talk: Talk) -> None:
    for name, value, nearest in (("UCI_Elo", 2000, HIGHEST_ELO), ("Hash", 0, 1)):
        (line,) = talk.say(f"setoption name {name} value {value}")
        assert line.startswith(f"info string error: expected an integer for {name}, got '{value}' (allowed: ")
        assert line.endswith(f"; {nearest} is used")


def test_a_book_without_a_byte_is_refused(talk: Talk, tmp_path: Path) -> None:
    (tmp_path / "book.bin").touch()
    (line,) = talk.say(f"setoption name BookFile value {tmp_path / 'book.bin'}")
    assert line.startswith("info string error: expected a Polyglot book for BookFile, got ")


def test_a_fault_in_opening_files_keeps_nobody_waiting(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError("none left")

    monkeypatch.setattr("engine.uci.thinking.EndgameTables", fail)
    lines = talk.say("setoption name SyzygyPath value tables", "isready", "go")
    assert lines[:2] == ["info string error: MemoryError: none left", "readyok"] and lines[-1] == "bestmove e2e4"


def test_lookahead_compares_the_successors(talk: Talk) -> None:
    talk.evaluator.weights = {"e1f2": 50.0, "e4d5": 1.5}
    talk.evaluator.wdl = lambda board: (0.9, 0.1, 0.0) if board.pieces(chess.QUEEN, board.turn) else (0.2, 0.5, 0.3)
    assert bestmoves(talk.say(_PAWN_TAKES_QUEEN, "go")) == ["bestmove e1f2"] and not talk.evaluator.expects_pairs
    talk.say("setoption name MoveSelection value LOOKAHEAD", "setoption name UCI_ShowWDL value true", "debug on")
    assert talk.evaluator.expects_pairs
    assert "info string lookahead compared nothing: the second move has 0.03 of the first one's probability" in (
        lines := talk.say("go")
    )
    assert lines[-1] == "bestmove e1f2" and " nodes 1 " in lines[-2]
    talk.say("setoption name LookaheadRatio value 1%")
    lines = talk.say("go")
    assert "info string lookahead compared e1f2 (ratio 1.00, score 0.050), e4d5 (ratio 0.03, score 0.550)" in lines
    assert lines[-1] == "bestmove e4d5" and " wdl 300 500 200 nodes 3 " in lines[-2]
    talk.say("setoption name LookaheadMoves value 500")  # the most there can be are compared
    assert " nodes 6 " in talk.say("go")[-2]


def test_the_policy_is_improved_if_the_network_has_a_model(talk: Talk) -> None:
    talk.evaluator.has_model = True
    assert talk.say("setoption name MoveSelection value cmpo", "isready") == ["readyok"]
    lines = talk.say("go")
    assert bestmoves(lines) == ["bestmove e2e4"] and " nodes 1 " in lines[0]
    assert talk.evaluator.improvements == 1 and len(talk.requests) == 1
    assert talk.say("setoption name MoveSelection value policy") == []
    assert bestmoves(talk.say("go")) == ["bestmove e2e4"] and talk.evaluator.improvements == 1


def test_without_a_model_the_last_selection_stays(talk: Talk) -> None:
    talk.evaluator.weights = {"e1f2": 50.0, "e4d5": 1.5}
    talk.evaluator.wdl = lambda board: (0.9, 0.1, 0.0) if board.pieces(chess.QUEEN, board.turn) else (0.2, 0.5, 0.3)
    (line,) = talk.say(_PAWN_TAKES_QUEEN, "isready", "setoption name MoveSelection value cmpo", "isready")[1:-1]
    assert line == "info string error: expected a network with a latent model, got one without; policy stays"
    assert bestmoves(talk.say("go", "go")) == ["bestmove e1f2"] * 2
    assert talk.say("setoption name MoveSelection value lookahead", "setoption name LookaheadRatio value 0") == []
    (line,) = talk.say("setoption name MoveSelection value cmpo")
    assert line.endswith("; lookahead stays")
    assert bestmoves(talk.say("go")) == ["bestmove e4d5"]


def test_the_repetition_guard_can_be_taken_away(talk: Talk) -> None:
    talk.evaluator.weights = {"b2b3": 5.0, "b2b4": 4.0}
    talk.evaluator.wdl = (0.9, 0.1, 0.0)
    talk.say("position fen 7k/8/8/8/8/8/1R6/K7 w - - 0 1 moves b2b3 h8g8 b3b2 g8h8 b2b3 h8g8 b3b2 g8h8")
    assert bestmoves(talk.say("go")) == ["bestmove b2b4"]
    talk.say("setoption name RepetitionGuard value false")
    assert bestmoves(talk.say("go")) == ["bestmove b2b3"]


def test_the_recursion_is_limited_and_the_cache_forgets(talk: Talk) -> None:
    talk.say("go", "setoption name RecursionSteps value 2", "go", "go")
    assert talk.evaluator.step_limits == [0, 2] and talk.evaluator.batches == [1, 1]
    assert len(talk.requests) == 1  # nothing is compiled again


def test_backend_and_tolerance_load_the_network_again(talk: Talk) -> None:
    assert talk.say("setoption name Backend value cpu", "isready") == ["readyok"]
    assert talk.say("setoption name RecursionTolerance value 0.01", "isready") == ["readyok"]
    assert talk.requests == [
        WeightsRequest(None, 1),
        WeightsRequest(None, 1, "cpu"),
        WeightsRequest(None, 1, "cpu", 0.01),
    ]
    talk.say("setoption name Backend value auto", "setoption name Backend value cpu", "isready")
    assert len(talk.requests) == 3
    assert talk.say("setoption name Backend value tpu")[0].endswith("(allowed: auto, cpu, gpu)")


@pytest.mark.parametrize(
    ("name", "score"), [("centipawn", 168), ("win_percentage", 6500), ("Q", 3000), ("W-L", 3000), ("WDL_mu", 168)]
)
def test_scores_are_written_as_asked_for(talk: Talk, name: str, score: int) -> None:
    assert f" score cp {score} " in talk.say(f"setoption name ScoreType value {name}", "go")[0]


def test_commands_for_people_answer() -> None:
    talk = Talk()
    assert talk.say("perft 2")[-1] == "Nodes searched: 400" and not talk.requests
    assert talk.say("license")[0].startswith("RecurseZero is free software") and len(talk.say("version")) == 1
    lines = talk.say("bench")
    assert lines[0].startswith("outputs checksum ") and lines[-1].startswith("31 nodes ")
    assert [line for line in talk.say("bench") if "checksum" in line] == lines[:2]


def test_the_engines_name_tells_which_network_plays(tmp_path: Path) -> None:
    (tmp_path / "network.json").write_text('{"sha256": "0123456789abcdef"}')
    talk = Talk()
    talk.say(f"setoption name WeightsFile value {tmp_path}")
    assert talk.say("uci")[0].endswith(f" {tmp_path.name} 01234567")
    (tmp_path / "network.json").write_text("[1")
    assert talk.say("uci")[0].split()[-2] == "RecurseZero"
