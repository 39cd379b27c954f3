import math

import chess
import numpy as np
import pytest

from engine.player.player import Player, Request
from engine.player.successors import Successors, lookahead_policy
from tests.doubles.fake_evaluator import FakeEvaluator, Wdl


def _material(board: chess.Board) -> Wdl:
    """Values a position by the men alone: 0.04 of a point a pawn."""
    worth = {chess.PAWN: 1, chess.KNIGHT: 3, chess.BISHOP: 3, chess.ROOK: 5, chess.QUEEN: 9}
    own = sum(value * len(board.pieces(kind, board.turn)) for kind, value in worth.items())
    other = sum(value * len(board.pieces(kind, not board.turn)) for kind, value in worth.items())
    win = min(1.0, max(0.0, 0.5 + 0.04 * (own - other)))
    return (win, 0.0, 1.0 - win)


def _look(fen: str, weights: dict[str, float] | None = None, **request: object) -> str:
    player = Player(FakeEvaluator(weights, _material), seed=1)
    return player.think(chess.Board(fen), Request(selection="lookahead", **request)).move.uci()  # type: ignore[arg-type]


def test_a_far_better_successor_outweighs_the_policy_and_a_certain_policy_outweighs_a_little_better_one() -> None:
    fen = "4k3/8/8/3q4/4P3/8/8/4K3 w - - 0 1"
    # A pawn up after one move, a queen for a pawn down after the other: odds of 54 to 46 and of 18 to 82.
    factor = (0.54 / 0.46 * 0.82 / 0.18) ** 1.5
    assert 10 < factor < 15
    assert _look(fen, {"e1f2": 10.0}) == "e4d5"
    assert _look(fen, {"e1f2": 15.0}) == "e1f2"
    assert Player(FakeEvaluator({"e1f2": 10.0}, _material)).think(chess.Board(fen)).move.uci() == "e1f2"


def test_a_reply_that_mates_is_avoided_however_sure_the_policy_is_and_however_bad_the_rest() -> None:
    # After Rf3 Ra1 mates; the policy hardly thinks of h3, after which all seems lost.
    evaluator = FakeEvaluator({"b3f3": 1e9}, (1.0, 0.0, 0.0))
    board = chess.Board("6k1/5ppp/8/8/8/1R6/r4PPP/6K1 w - - 0 1")
    allowed = frozenset(map(chess.Move.from_uci, ("b3f3", "h2h3")))
    assert Player(evaluator).think(board, Request(selection="lookahead", allowed=allowed)).move.uci() == "h2h3"


def test_equal_values_are_told_apart_by_the_policy() -> None:
    assert _look(chess.STARTING_FEN, {"g1f3": 1.2}) == "g1f3"


def test_every_successor_is_evaluated_in_one_batch_and_gives_the_score() -> None:
    evaluator = FakeEvaluator(wdl=_material)
    thought = Player(evaluator).think(chess.Board("4k3/8/8/3q4/4P3/8/8/4K3 w - - 0 1"), Request(selection="lookahead"))
    assert evaluator.batches == [1, 5] and thought.nodes == 6
    np.testing.assert_allclose(thought.lines[0].wdl_to_move, [0.54, 0.0, 0.46])


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


def test_only_allowed_moves_are_compared() -> None:
    allowed = frozenset(map(chess.Move.from_uci, ("e1f2", "e1e2")))
    assert _look("4k3/8/8/3q4/4P3/8/8/4K3 w - - 0 1", allowed=allowed) == "e1e2"


def test_without_time_the_policy_decides() -> None:
    assert _look("4k3/8/8/3q4/4P3/8/8/4K3 w - - 0 1", {"e1f2": 9.0}, budget_s=-1.0) == "e1f2"


def test_a_temperature_draws_by_the_policy_times_the_odds_of_the_values() -> None:
    board = chess.Board("4k3/8/8/3q4/4P3/8/8/4K3 w - - 0 1")
    evaluation = FakeEvaluator({"e4d5": 3.0}, _material).evaluate([board])[0]
    successors = Successors(board, {})
    moves = successors.unevaluated(evaluation.moves)
    after = FakeEvaluator(wdl=_material).evaluate([successors.after(move) for move in moves])
    successors.add(dict(zip(moves, after, strict=True)))
    policy = lookahead_policy(evaluation, successors, evaluation.moves)
    probs = dict(zip(map(str, policy.moves), np.exp(policy.log_probs), strict=True))
    assert sum(probs.values()) == pytest.approx(1.0)
    kept, lost = 0.54 / 0.46, 0.18 / 0.82  # a pawn up, and a queen for a pawn down
    assert probs["e4d5"] / probs["e1f2"] == pytest.approx(3 * (kept / lost) ** 1.5, rel=1e-4)
    assert math.isfinite(policy.entropy_nats)
