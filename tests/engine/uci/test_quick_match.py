"""Two processes at one second a game. The environment variable MATCH_GAMES makes the match longer."""

import os
import random
import time
from pathlib import Path

import chess
import pytest

from tests.doubles.engine_process import REAL, Process, needs_weights

_GAMES = int(os.environ.get("MATCH_GAMES", "20"))
_START_MS, _INCREMENT_MS = 1000.0, 10.0


def _play(engines: dict[chess.Color, Process], board: chess.Board) -> float:
    """Plays a game to its end by the rules; returns the least time left on a clock in ms."""
    clock_ms = {chess.WHITE: _START_MS, chess.BLACK: _START_MS}
    least_ms = _START_MS
    moves = [move.uci() for move in board.move_stack]
    while not board.is_game_over(claim_draw=True) and len(moves) < 300:
        engine = engines[board.turn]
        engine.say(f"position startpos moves {' '.join(moves)}", "isready")
        engine.read_until("readyok")
        started_s = time.monotonic()
        engine.say(f"go wtime {clock_ms[True]:.0f} btime {clock_ms[False]:.0f} winc 10 binc 10")
        lines = engine.read_until("bestmove")
        clock_ms[board.turn] -= 1e3 * (time.monotonic() - started_s)
        least_ms = min(least_ms, clock_ms[board.turn])
        assert clock_ms[board.turn] > 0, f"lost on time after {len(moves)} moves"
        clock_ms[board.turn] += _INCREMENT_MS
        move = lines[-1].split()[1]
        assert len(lines) == 2 and lines[0].split(" pv ")[1].split()[0] == move, lines
        board.push(board.parse_uci(move))
        moves.append(move)
    return least_ms


@pytest.mark.slow
@needs_weights
def test_games_without_a_fault(tmp_path: Path) -> None:
    rng = random.Random(7)
    with Process(REAL, tmp_path) as first, Process(REAL, tmp_path) as second:
        for engine in (first, second):
            engine.say("uci", "setoption name Move Overhead value 10", "isready")
            engine.read_until("readyok")
        least_ms = []
        for number in range(_GAMES):
            board = chess.Board()
            while len(board.move_stack) < 6:
                board.push(rng.choice(list(board.legal_moves)))
            for engine in (first, second):
                engine.say("ucinewgame")
            white, black = (first, second) if number % 2 == 0 else (second, first)
            least_ms.append(_play({chess.WHITE: white, chess.BLACK: black}, board))
        print(f"{_GAMES} games at 1+0.01 s, least time left {min(least_ms):.0f} ms")
        for engine in (first, second):
            engine.say("quit")
            status, _, errors = engine.end()
            assert status == 0 and "Traceback" not in errors
