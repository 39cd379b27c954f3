import time
from collections.abc import Sequence
from types import SimpleNamespace

import chess
import numpy as np
import pytest

from engine.player.evaluator import Evaluation
from engine.player.player import Player, Request
from tests.doubles.fake_evaluator import FakeEvaluator, Wdl


def _wdl_of_both(board: chess.Board) -> Wdl:
    return (0.7, 0.2, 0.1) if board.turn == chess.WHITE else (0.3, 0.3, 0.4)


def test_a_move_takes_one_evaluation() -> None:
    evaluator = FakeEvaluator({"e2e4": 3.0}, _wdl_of_both)
    thought = Player(evaluator).think(chess.Board())
    assert thought.move.uci() == "e2e4"
    assert (thought.nodes, evaluator.batches) == (1, [1])
    assert thought.lines[0].reply is None
    np.testing.assert_allclose(thought.lines[0].wdl_to_move, [0.7, 0.2, 0.1])


def test_lines_follow_the_policy_and_are_scored_by_one_batch_of_successors() -> None:
    evaluator = FakeEvaluator({"e2e4": 3.0, "d2d4": 2.0, "e7e5": 9.0}, _wdl_of_both)
    thought = Player(evaluator).think(chess.Board(), Request(lines=3))
    assert [line.move.uci() for line in thought.lines] == ["e2e4", "d2d4", "a2a3"]
    assert (thought.nodes, evaluator.batches) == (4, [1, 3])
    for line in thought.lines:
        np.testing.assert_allclose(line.wdl_to_move, [0.4, 0.3, 0.3])  # Black's, seen by White
        assert line.reply == chess.Move.from_uci("e7e5")


def test_there_are_no_more_lines_than_allowed_moves() -> None:
    allowed = frozenset(chess.Move.from_uci(text) for text in ("a2a3", "h2h4"))
    thought = Player(FakeEvaluator()).think(chess.Board(), Request(lines=500, allowed=allowed))
    assert [line.move.uci() for line in thought.lines] == ["a2a3", "h2h4"]


def test_finished_successors_are_scored_by_the_rules() -> None:
    board = chess.Board("7k/5K2/8/6Q1/8/8/8/8 w - - 0 1")
    evaluator = FakeEvaluator({"g5g6": 5.0}, (0.1, 0.2, 0.7))
    thought = Player(evaluator).think(board, Request(lines=500))
    lines = {line.move.uci(): line for line in thought.lines}
    mate, stalemate, other = lines["g5g7"], lines["g5g6"], lines["g5e5"]
    assert thought.lines[0].mate_in == 1 and mate.mate_in == 1 and mate.expected_score_to_move == 1.0
    assert stalemate.mate_in is None and stalemate.expected_score_to_move == 0.5
    assert mate.reply is None and stalemate.reply is None and other.reply is not None
    assert other.expected_score_to_move == pytest.approx(0.8)
    assert thought.nodes == 1 + sum(line.reply is not None for line in thought.lines)


def test_the_expected_reply_costs_one_more_evaluation_and_keeps_the_score() -> None:
    evaluator = FakeEvaluator({"e2e4": 3.0, "c7c5": 3.0}, _wdl_of_both)
    thought = Player(evaluator).think(chess.Board(), Request(want_reply=True))
    assert thought.lines[0].reply == chess.Move.from_uci("c7c5")
    assert (thought.nodes, evaluator.batches) == (2, [1, 1])
    np.testing.assert_allclose(thought.lines[0].wdl_to_move, [0.7, 0.2, 0.1])


def test_optional_evaluations_are_left_out_when_time_is_short() -> None:
    class SlowEvaluator(FakeEvaluator):
        def evaluate(self, boards: Sequence[chess.Board]) -> list[Evaluation]:
            time.sleep(0.002 * len(boards))
            return super().evaluate(boards)

    evaluator = SlowEvaluator()
    thought = Player(evaluator).think(chess.Board(), Request(lines=20, budget_s=0.02))
    assert 1 <= len(thought.lines) == max(1, thought.nodes - 1) < 10 and set(evaluator.batches) == {1}
    assert Player(evaluator).think(chess.Board(), Request(lines=20, budget_s=0.0)).nodes == 1
    evaluator.batches.clear()
    thought = Player(evaluator).think(chess.Board(), Request(lines=20, budget_s=5.0))
    assert (len(thought.lines), evaluator.batches) == (20, [1, 20])


def test_a_few_lines_that_a_batch_has_no_time_for_are_evaluated_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 0.0

    class PaddingEvaluator(FakeEvaluator):
        """Takes a board alone in 20 ms, the first one in 50, and a batch of any size in 120."""

        def evaluate(self, boards: Sequence[chess.Board]) -> list[Evaluation]:
            nonlocal now_s
            now_s += (0.02 if self.batches else 0.05) if len(boards) == 1 else 0.12
            return super().evaluate(boards)

    monkeypatch.setattr("engine.player.player.time", SimpleNamespace(monotonic=lambda: now_s))

    evaluator = PaddingEvaluator({"e2e4": 4.0, "d2d4": 3.0, "c2c4": 2.0})
    player = Player(evaluator)
    plain = player.think(chess.Board(), Request(lines=3))
    player.think(chess.Board())
    short = player.think(chess.Board(), Request(lines=3, budget_s=0.11))
    assert evaluator.batches == [1, 3, 1, 1, 1, 1, 1]
    assert [line.pv for line in short.lines] == [line.pv for line in plain.lines] and short.nodes == 4
    shorter = player.think(chess.Board(), Request(lines=3, budget_s=0.075))
    assert [line.pv for line in shorter.lines] == [line.pv for line in plain.lines][:2]


def test_the_expected_move_is_none_when_the_game_is_over_or_time_is_short() -> None:
    player = Player(FakeEvaluator({"e2e4": 4.0}))
    assert player.expected_move(chess.Board()) == chess.Move.from_uci("e2e4")
    assert player.expected_move(chess.Board(), deadline_s=time.monotonic() - 1.0) is None
    assert player.expected_move(chess.Board("3R2k1/5ppp/8/8/8/8/8/6K1 b - - 0 1")) is None
    assert player.expected_move(chess.Board("4k3/8/8/8/8/8/8/4K3 w - - 0 1")) is None


def test_a_seed_makes_games_repeat_and_a_new_game_starts_again() -> None:
    def moves(player: Player) -> list[chess.Move]:
        request = Request(temperature=1.0)
        return [player.think(chess.Board(), request).move for _ in range(12)]

    player = Player(FakeEvaluator(), seed=5)
    first = moves(player)
    assert moves(player) != first
    player.new_game(5)
    assert moves(player) == first == moves(Player(FakeEvaluator(), seed=5))
    assert moves(Player(FakeEvaluator(), seed=6)) != first


def test_the_first_line_begins_with_the_move_played_though_it_is_not_the_most_probable() -> None:
    board = chess.Board("6k1/5ppp/8/8/8/8/5PPP/3R2K1 w - - 0 1")
    thought = Player(FakeEvaluator({"d1d8": 0.01, "g1f1": 4.0})).think(board, Request(lines=2))
    assert [line.move.uci() for line in thought.lines] == ["d1d8", "g1f1"]
