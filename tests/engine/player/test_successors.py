import chess

from engine.player.player import Player, Request
from tests.doubles.fake_evaluator import FakeEvaluator


def test_mates_and_draws_are_valued_by_rule() -> None:
    # Qg7 mates, Qg6 stalemates; the network thinks everything is lost for who is to move.
    board = chess.Board("7k/5K2/8/6Q1/8/8/8/8 w - - 0 1")
    player = Player(FakeEvaluator(wdl=(0.0, 0.0, 1.0)))
    thought = player.think(board, Request(selection="lookahead", want_values=True))
    assert board.san(thought.move).endswith("#")
    assert tuple(thought.wdl_after[chess.Move.from_uci("g5g6")]) == (0.0, 1.0, 0.0)


def test_a_reply_that_mates_is_seen() -> None:
    fen = "6k1/5ppp/8/8/8/1R6/r4PPP/6K1 w - - 0 1"
    evaluator = FakeEvaluator(wdl=(0.4, 0.2, 0.4))
    thought = Player(evaluator).think(chess.Board(fen), Request(lines=500))
    lines = {line.move.uci(): line for line in thought.lines}
    assert lines["b3f3"].mate_in == -1 and tuple(lines["b3f3"].wdl_to_move) == (0.0, 0.0, 1.0)
    assert lines["b3f3"].reply == chess.Move.from_uci("a2a1")
    assert lines["b3b8"].mate_in == 1 and lines["h2h3"].mate_in is None
