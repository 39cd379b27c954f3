"""What chess programs say to an engine, line by line, and what each of them needs to hear."""

import subprocess
from pathlib import Path
from typing import Any

import chess
import chess.engine
import pytest

from tests.doubles.engine_process import STUB
from tests.doubles.talk import Talk, bestmoves, info_fields


def _answer(lines: list[str], board: chess.Board) -> chess.Move:
    """Returns the move of an answer that fastchess has no warning about."""
    *infos, last = lines
    scored = [line for line in infos if not line.startswith("info string")]
    assert scored and last.startswith("bestmove "), lines
    for line in scored:
        assert " score " in line and int(info_fields(line)["depth"]) >= 1
        after = board.copy()
        for text in line.split(" pv ")[1].split():
            assert not after.is_game_over(claim_draw=True)
            after.push(after.parse_uci(text))
        for name in ("time", "nps", "cp", "mate"):
            assert "." not in info_fields(line).get(name, "")
    move = board.parse_uci(last.split()[1])
    assert scored[0].split(" pv ")[1].split()[0] == last.split()[1] and " multipv 1 " in scored[0]
    return move


def test_fastchess_compliance() -> None:
    talk = Talk()
    lines = talk.say("uci")
    assert lines[-1] == "uciok" and all(line.startswith(("id ", "option ", "uciok")) for line in lines)
    assert talk.say("isready") == ["readyok"] and talk.say("ucinewgame", "isready") == ["readyok"]
    middlegame = chess.Board("3r2k1/p4ppp/1p6/2p5/2P1n3/1P2PN2/P4PPP/3R2K1 w - - 0 27")
    after_e4 = chess.Board("rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq - 0 1")
    assert talk.say("position startpos", "isready") == ["readyok"]
    assert talk.say(f"position fen {middlegame.fen()}", "isready") == ["readyok"]
    _answer(talk.say("go wtime 100"), middlegame)
    assert talk.say(f"position fen {after_e4.fen()}", "isready") == ["readyok"]
    for go in (
        "go btime 100",
        "go wtime 100 winc 100 btime 100 binc 100",
        "go btime 100 binc 100 wtime 100 winc 100",
    ):
        _answer(talk.say(go), after_e4)
    assert talk.say("ucinewgame", "isready", "position startpos") == ["readyok"]
    _answer(talk.say("go wtime 100 btime 100"), chess.Board())
    board = chess.Board()
    board.push_uci("e2e4")
    board.push_uci("e7e5")
    talk.say("position startpos moves e2e4 e7e5")
    _answer(talk.say("go wtime 100 btime 100"), board)


def test_fastchess_pings_three_times_a_move_and_presses_buttons() -> None:
    talk = Talk()
    talk.say("uci")
    options = ["setoption name Threads value 1", "setoption name Clear Hash value true", "setoption name Hash value 16"]
    assert talk.say(*options, "isready") == ["readyok"]
    board = chess.Board()
    while not board.is_game_over(claim_draw=True) and len(board.move_stack) < 40:
        assert talk.say("isready", "isready") == ["readyok"] * 2
        moves = " ".join(move.uci() for move in board.move_stack)
        assert talk.say(f"position startpos moves {moves}" if moves else "position startpos", "isready") == ["readyok"]
        board.push(_answer(talk.say("go wtime 1000 btime 1000 winc 10 binc 10"), board))


def test_cute_chess_plays_and_ponders() -> None:
    talk = Talk()
    assert talk.say("uci")[-1] == "uciok"
    talk.evaluator.weights |= {"g1f3": 9.0, "b8c6": 9.0}
    assert talk.say("setoption name BookFile value ", "setoption name Temperature value 0", "isready") == ["readyok"]
    game = [
        "debug on",
        "debug off",
        "ucinewgame",
        "setoption name Ponder value true",
        "setoption name UCI_Opponent value none none computer Stockfish 15.1",
        "position startpos",
    ]
    assert talk.say(*game) == [] and talk.say("isready") == ["readyok"]
    board = chess.Board()
    lines = talk.say("go wtime 60000 btime 60000 winc 600 binc 600")
    board.push(_answer(lines, board))
    words = lines[-1].split()
    assert words[::2] == ["bestmove", "ponder"] and chess.Move.from_uci(words[3]) in board.legal_moves
    held = f"position startpos moves {words[1]} {words[3]}"
    assert not bestmoves(talk.say(held, "go ponder wtime 59000 btime 60000 winc 600 binc 600"))
    info, answer = talk.say("ponderhit")  # Cute Chess forgets at a ponder hit what it was told before it
    assert " score cp " in info and bestmoves([answer])
    # The opponent plays something else: stop, and the answer to it is thrown away.
    assert not bestmoves(talk.say(held, "go ponder wtime 59000 btime 60000"))
    assert len(bestmoves(talk.say("stop"))) == 1
    assert talk.say("isready") == ["readyok"]
    assert not talk.loop.handle("quit")


def test_arena_tries_another_protocol_first() -> None:
    talk = Talk()
    assert talk.say("xboard", "protover 2", "") == []
    assert talk.say("uci")[-1] == "uciok"
    assert talk.say("setoption name OwnBook value false", "setoption name Hash value 32", "isready") == ["readyok"]
    assert talk.say("ucinewgame", "isready") == ["readyok"]
    talk.say("position startpos moves e2e4", "go infinite")
    assert len(bestmoves(talk.say("stop", "stop"))) == 1


def test_nibbler_sends_what_it_likes_and_sees_a_leela() -> None:
    talk = Talk()
    talk.say("uci")
    foreign = ("LogLiveStats", "MoveOverheadMs", "SmartPruningFactor", "PerPVCounters", "ContemptMode")
    assert talk.say(*(f"setoption name {name} value 1" for name in foreign)) == []
    own = {"MultiPV": 500, "ScoreType": "WDL_mu", "VerboseMoveStats": "true", "UCI_ShowWDL": "true"}
    assert talk.say(*(f"setoption name {name} value {value}" for name, value in own.items())) == []
    assert talk.say("setoption name WeightsFile value <autodiscover>", "ucinewgame", "isready") == ["readyok"]
    lines = talk.say("position startpos", "go infinite")
    stats = [line for line in lines if line.startswith("info string") and "(P: " in line and "N: " in line]
    ranks = [info_fields(line)["multipv"] for line in lines if " multipv " in line]
    assert len(stats) == 21 and ranks[:20] == list(map(str, range(1, 21))) and len(ranks) % 20 == 0
    assert all(sum(map(int, line.split(" wdl ")[1].split()[:3])) == 1000 for line in lines if " wdl " in line)
    last = [line for line in lines if " multipv " in line][-20:]
    assert talk.say("stop") == [*last, "bestmove e2e4"]
    assert bestmoves(talk.say("go infinite searchmoves a2a3 h2h4", "stop")) == ["bestmove a2a3"]


@pytest.mark.parametrize("go", ["go depth 24", "go movetime 3000", "go nodes 100000", "go infinite"])
def test_lucas_chess_and_en_croissant_analyse_several_lines(go: str) -> None:
    talk = Talk()
    assert any(line.startswith("option name MultiPV type spin") for line in talk.say("uci"))
    talk.say("setoption name Threads value 2", "setoption name Hash value 16", "setoption name MultiPV value 4")
    talk.say("isready", "position fen rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1 moves e2e4 e7e5")
    board = chess.Board()
    board.push_uci("e2e4")
    board.push_uci("e7e5")
    lines = [*talk.say(go), *talk.say("stop")]
    ranks = [info_fields(line)["multipv"] for line in lines[:-1]]
    assert ranks == ["1", "2", "3", "4"] * (len(ranks) // 4)
    _answer([*lines[-5:-1], lines[-1]], board)


def test_lichess_bot_with_its_stock_configuration(tmp_path: Path) -> None:
    options: chess.engine.ConfigMapping = {
        "Move Overhead": 100,
        "Threads": 4,
        "Hash": 512,
        "SyzygyPath": "./syzygy/",
        "UCI_ShowWDL": True,
    }
    popen: dict[str, Any] = {"timeout": 60, "setpgrp": True, "stderr": subprocess.DEVNULL, "cwd": tmp_path}
    with chess.engine.SimpleEngine.popen_uci(STUB, **popen) as engine:
        engine.configure(options)
        engine.send_opponent_information(opponent=chess.engine.Opponent("Ada", "GM", 2500, False))
        assert engine.id["name"].startswith("RecurseZero")
        board = chess.Board()
        for ply in range(6):
            clock = chess.engine.Limit(white_clock=58.0, black_clock=58.0, white_inc=1.0, black_inc=1.0)
            limit = chess.engine.Limit(time=10) if ply < 2 else clock
            played = engine.play(board, limit, info=chess.engine.INFO_ALL, ponder=ply >= 2, draw_offered=False)
            assert played.move is not None and not played.resigned
            assert sum(played.info["wdl"].relative) == 1000 and played.info["depth"] >= 1
            assert played.info["score"].relative.score() is not None and played.info["pv"][0] == played.move
            board.push(played.move)
        suggested = list(board.legal_moves)[3:5]
        assert engine.play(board, chess.engine.Limit(nodes=1, depth=5), root_moves=suggested).move in suggested
        chess960 = chess.Board("bqnb1rkr/pppppppp/8/8/8/8/PPPPPPPP/BQNB1RKR w HFhf - 0 1", chess960=True)
        move = engine.play(chess960, chess.engine.Limit(time=1), game="another").move
        assert move is not None and chess960.is_legal(move)
