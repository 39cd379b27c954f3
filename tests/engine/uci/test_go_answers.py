import time
from collections.abc import Sequence

import chess
import pytest

from engine.player.evaluator import Evaluation
from tests.doubles.talk import MATED, Talk, bestmoves, info_fields

_MATE = "position fen 6k1/5ppp/8/8/8/8/5PPP/3R2K1 w - - 0 1"
_STALEMATE = "position fen 7k/5K2/6Q1/8/8/8/8/8 b - - 0 1"
_CASTLING = "position fen 4k3/8/8/8/8/8/8/4K2R w K - 0 1"


def test_go_prints_one_line_and_its_first_move() -> None:
    info, bestmove = Talk().say("position startpos", "go")
    assert bestmove == "bestmove e2e4"
    assert info.startswith("info depth 1 seldepth 1 multipv 1 score cp 168 nodes 1 nps ")
    assert info.endswith(" pv e2e4") and " wdl " not in info and "." not in info


@pytest.mark.parametrize(
    "limits",
    ["wtime 100", "btime 100", "wtime -5 btime -5", "wtime 9 btime 9 winc 1 binc 1 movestogo 3",
     "depth 8", "nodes 1000", "mate 1", "movetime 50", "movetime 0", "depth 0", "depth x", "banana",
     "searchmoves", "searchmoves 0000"],
)  # fmt: skip
def test_every_limit_is_answered_at_once(limits: str) -> None:
    lines = Talk().say(f"go {limits}")
    assert bestmoves(lines) == ["bestmove e2e4"] and lines[-1] == "bestmove e2e4"
    assert all(line.startswith("info string error: ") for line in lines[:-2])
    assert int(info_fields(lines[-2])["depth"]) >= 1


def test_searchmoves_are_obeyed() -> None:
    talk = Talk()
    assert bestmoves(talk.say("go searchmoves a2a3 d2d4 h2h3 depth 3")) == ["bestmove d2d4"]
    lines = talk.say("go searchmoves e2e5 h2h3")
    assert lines[0] == "info string error: expected legal moves for searchmoves, got 'e2e5'"
    assert bestmoves(lines) == ["bestmove h2h3"]


@pytest.mark.parametrize("position", ["position startpos", MATED])
@pytest.mark.parametrize(("go", "end"), [("infinite", "stop"), ("ponder", "stop"), ("ponder", "ponderhit")])
def test_the_answer_is_held_until_it_is_released(position: str, go: str, end: str) -> None:
    talk = Talk()
    lines = talk.say("isready", position, f"go {go}")
    assert len(lines) >= 2 and all(line.startswith("info depth") for line in lines[1:])
    assert talk.say("isready") == ["readyok"]
    last_info = lines[-1]
    lines = talk.say(end)
    assert lines[0] == last_info and len(lines) == 2 and lines[1:] == bestmoves(lines)
    assert talk.say("stop", "ponderhit", "stop") == []


def test_ponderhit_does_not_end_go_infinite() -> None:
    talk = Talk()
    talk.say("go infinite")
    assert talk.say("ponderhit") == []
    assert talk.say("stop")[-1] == "bestmove e2e4"


def test_stop_and_ponderhit_say_nothing_when_idle() -> None:
    talk = Talk()
    assert talk.say("stop", "ponderhit") == []
    talk.say("go")
    assert talk.say("stop", "ponderhit", "stop") == []


def test_holding_takes_no_processor_time() -> None:
    talk = Talk()
    talk.say("go infinite")
    started_s = time.process_time()
    time.sleep(0.2)
    assert time.process_time() - started_s < 0.05


@pytest.mark.parametrize("command", ["ucinewgame", "go"])
def test_a_held_search_is_answered_before_what_follows(command: str) -> None:
    talk = Talk()
    talk.say("position startpos moves e2e4", "go infinite")
    lines = talk.say(command)
    assert lines[1] == "bestmove e7e5"
    assert len(bestmoves(lines)) == (2 if command == "go" else 1)


def test_every_go_gets_its_bestmove() -> None:
    talk = Talk()
    assert len(bestmoves(talk.say(*["go"] * 10, *["go infinite"] * 5, "go ponder", "stop"))) == 16


def test_wdl_is_shown_on_request_and_sums_to_1000() -> None:
    talk = Talk()
    info = talk.say("setoption name UCI_ShowWDL value true", "go")[0]
    assert " score cp 168 wdl 500 300 200 nodes " in info
    info = talk.say(MATED, "go")[0]
    assert info == "info depth 0 score mate 0 wdl 0 0 1000"


def test_lines_are_numbered_and_scored_by_their_successors() -> None:
    talk = Talk()
    lines = talk.say("setoption name MultiPV value 3", "go")
    infos = lines[:-1]
    assert [info_fields(info)["multipv"] for info in infos] == ["1", "2", "3"]
    assert [info.split(" pv ")[1] for info in infos] == ["e2e4 e7e5", "d2d4 e7e5", "a2a3 e7e5"]
    assert {info_fields(info)["cp"] for info in infos} == {"-168"}
    assert {info_fields(info)["nodes"] for info in infos} == {"4"}
    assert lines[-1] == "bestmove e2e4"
    assert talk.evaluator.batches == [1, 3]
    assert len(talk.say("setoption name MultiPV value 500", "go")) == 21


def test_a_mate_in_one_is_announced() -> None:
    lines = Talk().say("setoption name UCI_ShowWDL value true", _MATE, "go mate 1")
    assert " score mate 1 wdl 1000 0 0 " in lines[0] and lines[0].endswith(" pv d1d8")
    assert lines[1] == "bestmove d1d8"


def test_a_finished_game_has_no_move() -> None:
    talk = Talk()
    assert talk.say(MATED, "go") == ["info depth 0 score mate 0", "bestmove (none)"]
    assert talk.say(_STALEMATE, "go depth 3") == ["info depth 0 score cp 0", "bestmove (none)"]
    assert talk.evaluator.batches == []


def test_the_expected_reply_is_told_when_pondering() -> None:
    talk = Talk()
    lines = talk.say("setoption name Ponder value true", "go")
    assert lines[0].endswith(" pv e2e4 e7e5") and lines[1] == "bestmove e2e4 ponder e7e5"
    assert talk.say(_MATE, "go")[1] == "bestmove d1d8"


def test_a_short_clock_leaves_out_optional_evaluations() -> None:
    talk = Talk()
    lines = talk.say("setoption name MultiPV value 5", "go wtime 100 btime 100000")
    assert len(lines) == 2
    assert len(talk.say("setoption name Move Overhead value 10", "go wtime 60000")) == 6


def test_castling_is_written_as_the_game_asks() -> None:
    talk = Talk()
    talk.evaluator.weights = {"e1g1": 9.0, "e1h1": 9.0}
    assert bestmoves(talk.say(_CASTLING, "go")) == ["bestmove e1g1"]
    talk.say("setoption name UCI_Chess960 value true")
    assert bestmoves(talk.say(_CASTLING, "go")) == ["bestmove e1h1"]


def test_temperature_draws_repeatable_moves_and_analysis_none() -> None:
    talk = Talk()
    talk.say("setoption name Temperature value 1.0", "setoption name Seed value 3")

    def game() -> list[str]:
        talk.say("ucinewgame")
        return bestmoves(talk.say("position startpos", *["go"] * 20))

    first = game()
    assert len(set(first)) > 3 and game() == first
    talk.say("setoption name Seed value 4")
    assert game() != first
    for lines in (talk.say("go") for _ in range(10)):
        assert lines[0].split(" pv ")[1] == lines[1].split()[1]
    talk.say("setoption name UCI_AnalyseMode value true")
    assert set(game()) == {"bestmove e2e4"}


def test_the_cache_answers_again_and_can_be_cleared() -> None:
    talk = Talk()
    talk.say("debug on", "go")
    lines = talk.say("go")
    assert lines[0].startswith("info string solver 7 steps, residual 0.0004, converged, ")
    assert lines[1] == "info string cache hits 1 of 2"
    assert talk.evaluator.batches == [1]
    talk.say("setoption name Clear Hash", "debug off")
    assert len(talk.say("go")) == 2 and talk.evaluator.batches == [1, 1]
    talk.say("setoption name Hash value 1", "setoption name MultiPV value 500")
    assert int(info_fields(talk.say("go")[0])["hashfull"]) > 20


def test_pv_moves_are_legal_in_a_whole_game_of_random_moves() -> None:
    talk = Talk()
    talk.say("setoption name Temperature value 1", "setoption name Seed value 1")
    talk.say("setoption name MultiPV value 3")
    board = chess.Board()
    while not board.is_game_over(claim_draw=True) and len(board.move_stack) < 160:
        moves = " ".join(move.uci() for move in board.move_stack)
        lines = talk.say(f"position startpos moves {moves}", "go")
        for line in lines[:-1]:
            after = board.copy()
            for text in line.split(" pv ")[1].split():
                after.push(after.parse_uci(text))
        board.push_uci(lines[-1].split()[1])
        assert lines[0].split(" pv ")[1].split()[0] == board.peek().uci()
    assert len(board.move_stack) > 20


def _pvs(lines: list[str]) -> list[str]:
    return [line.split(" pv ")[1] for line in lines if " pv " in line]


def test_lines_grow_in_analysis_and_neither_move_nor_score_changes() -> None:
    talk = Talk()
    talk.say("setoption name MultiPV value 2")
    plain = talk.say("go")
    lines = talk.say("go infinite")
    assert lines[:2] != [] and not bestmoves(lines)
    assert {info_fields(line)["cp"] for line in lines} == {info_fields(line)["cp"] for line in plain[:-1]}
    assert [info_fields(line)["multipv"] for line in lines] == ["1", "2"] * 7  # 2 to 8 half-moves
    assert [len(pv.split()) for pv in _pvs(lines)] == [plies for plies in range(2, 9) for _ in range(2)]
    for earlier, later in zip(_pvs(lines), _pvs(lines)[2:], strict=False):
        assert later.startswith(earlier + " ")
    for pv in _pvs(lines):
        board = chess.Board()
        for text in pv.split():
            board.push(board.parse_uci(text))
    assert talk.say("stop") == [*lines[-2:], plain[-1]]


def test_a_line_ends_with_the_game() -> None:
    talk = Talk()
    talk.evaluator.weights = {"f7f6": 9.0, "d1d8": 9.0}
    lines = talk.say("position fen 6k1/5ppp/8/8/8/7P/5PP1/3R2K1 b - - 0 1", "go infinite")
    assert _pvs(lines)[-1] == "f7f6 d1d8 g8f7" or _pvs(lines)[-1].startswith("f7f6 d1d8 g8f7 ")
    lines = talk.say("stop", "position fen 6k1/4pppp/8/8/8/7P/5PP1/3R2K1 b - - 0 1", "go infinite searchmoves e7e6")
    assert _pvs(lines)[-1] == "e7e6 d1d8"  # mate


@pytest.mark.parametrize(("movetime_ms", "plies"), [(500, 1), (3000, 8)])
def test_what_is_left_of_a_long_movetime_goes_into_the_line(movetime_ms: int, plies: int) -> None:
    talk = Talk()
    started_s = time.monotonic()
    lines = talk.say(f"go movetime {movetime_ms}")
    assert len(_pvs(lines)[-1].split()) == plies and lines[-1] == "bestmove e2e4"
    assert time.monotonic() - started_s < 1.0  # nothing waits for the rest of it


def test_stop_does_not_wait_for_the_line() -> None:
    talk = Talk()
    talk.say("isready")
    slow_calls = 0
    evaluate = talk.evaluator.evaluate

    def evaluate_slowly(boards: Sequence[chess.Board]) -> list[Evaluation]:
        nonlocal slow_calls
        if boards[0].move_stack:
            slow_calls += 1
            time.sleep(0.5)
        return evaluate(boards)

    talk.evaluator.evaluate = evaluate_slowly  # type: ignore[method-assign]
    talk.loop.handle("go infinite")
    while not slow_calls:
        time.sleep(0.001)
    talk.take()
    started_s = time.monotonic()
    talk.loop.handle("stop")
    info, answer = talk.take()
    assert time.monotonic() - started_s < 0.2
    assert info.endswith(" pv e2e4") and answer == "bestmove e2e4"
    assert talk.say() == [] and slow_calls == 1


def test_other_work_does_not_wait_for_the_line() -> None:
    talk = Talk()
    evaluate = talk.evaluator.evaluate

    def evaluate_slowly(boards: Sequence[chess.Board]) -> list[Evaluation]:
        time.sleep(0.1 * bool(boards[0].move_stack))
        return evaluate(boards)

    talk.evaluator.evaluate = evaluate_slowly  # type: ignore[method-assign]
    talk.say("isready", "setoption name MultiPV value 1")
    talk.loop.handle("go infinite")
    time.sleep(0.05)
    started_s = time.monotonic()
    assert talk.say("setoption name Hash value 8", "isready")[-1] == "readyok"
    assert time.monotonic() - started_s < 0.5
    assert bestmoves(talk.say("stop")) == ["bestmove e2e4"]


@pytest.mark.parametrize("go", ["go infinite", "go movetime 2000"])
def test_a_failure_in_lengthening_the_line_does_not_lose_the_move(go: str, capsys: pytest.CaptureFixture[str]) -> None:
    talk = Talk()
    evaluate = talk.evaluator.evaluate

    def evaluate_the_start(boards: Sequence[chess.Board]) -> list[Evaluation]:
        if boards[0].move_stack:
            raise RuntimeError("broken")
        return evaluate(boards)

    talk.evaluator.evaluate = evaluate_the_start  # type: ignore[method-assign]
    lines = [*talk.say(go), *talk.say("stop")]
    assert bestmoves(lines) == ["bestmove e2e4"] and "info string error: RuntimeError: broken" in lines
    assert "Traceback" in capsys.readouterr().err
