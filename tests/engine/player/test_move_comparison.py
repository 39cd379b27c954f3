"""The look-ahead: which moves are compared, and what that does to the choice."""

import hashlib
import math
import random
from collections.abc import Sequence
from typing import Any

import chess
import numpy as np
import pytest

from engine.player.choice import MOST_MOVES, ranked_moves
from engine.player.evaluator import Evaluation
from engine.player.move_comparison import close_moves, lookahead_policy
from engine.player.network_evaluator import load_network_evaluator
from engine.player.player import Player, Request, Thought
from engine.player.successors import Successors
from tests.doubles.engine_process import ROOT, needs_weights
from tests.doubles.fake_evaluator import FakeEvaluator, Wdl
from tests.reference.lookahead_reference import lookahead_by_hand
from tests.reference.random_games import varied_positions

_PAWN_TAKES_QUEEN = "4k3/8/8/3q4/4P3/8/8/4K3 w - - 0 1"
# After Rf3 the reply Ra1 mates; Rb8 mates.
_BACK_RANKS = "6k1/5ppp/8/8/8/1R6/r4PPP/6K1 w - - 0 1"
_ALL: dict[str, Any] = {"compared_moves": MOST_MOVES, "compared_ratio": 0.0}


class OpinionatedEvaluator(FakeEvaluator):
    """Has an opinion on every position that is a pure function of it, and sometimes a strong one."""

    def _evaluate(self, board: chess.Board) -> Evaluation:
        digest = hashlib.sha256(board.epd().encode()).digest()
        rng = np.random.default_rng(list(digest))
        moves = tuple(sorted(board.legal_moves, key=chess.Move.uci))
        logits = rng.normal(scale=rng.choice([0.5, 2.0]), size=len(moves))
        wdl = rng.dirichlet([0.7, 0.7, 0.7])
        return Evaluation(moves, logits - np.log(np.exp(logits).sum()), wdl, 2, 0.0, None)


def _material(board: chess.Board) -> Wdl:
    """Values a position by the pieces alone: 0.04 of a point a pawn."""
    worth = {chess.PAWN: 1, chess.KNIGHT: 3, chess.BISHOP: 3, chess.ROOK: 5, chess.QUEEN: 9}
    own = sum(value * len(board.pieces(kind, board.turn)) for kind, value in worth.items())
    other = sum(value * len(board.pieces(kind, not board.turn)) for kind, value in worth.items())
    win = min(1.0, max(0.0, 0.5 + 0.04 * (own - other)))
    return (win, 0.0, 1.0 - win)


def _think(evaluator: FakeEvaluator, fen: str, **request: Any) -> Thought:
    return Player(evaluator, seed=1).think(chess.Board(fen), Request(selection="lookahead", **request))


def _look(fen: str, weights: dict[str, float] | None = None, **request: Any) -> str:
    return _think(FakeEvaluator(weights, _material), fen, **request).move.uci()


def _positions(count: int, seed: int) -> list[chess.Board]:
    return [board.copy() for board in varied_positions(count, seed) if any(board.legal_moves)]


def _moves(*texts: str) -> frozenset[chess.Move]:
    return frozenset(map(chess.Move.from_uci, texts))


@pytest.mark.parametrize(("most", "least_ratio"), [(2, 0.5), (3, 0.3), (2, 0.0), (5, 0.1), (MOST_MOVES, 0.0)])
def test_the_choice_and_its_cost_are_those_of_the_rule_applied_by_hand(most: int, least_ratio: float) -> None:
    evaluator = OpinionatedEvaluator()
    single = OpinionatedEvaluator()
    compared = 0
    for board in _positions(150, seed=most)[::6]:
        request = Request(selection="lookahead", compared_moves=most, compared_ratio=least_ratio)
        thought = Player(evaluator).think(board, request)
        move, probability, needed = lookahead_by_hand(
            board, lambda after: single.evaluate([after])[0], most, least_ratio
        )
        assert thought.move == move, board.fen()
        assert thought.nodes == 1 + len(needed), board.fen()
        assert thought.comparison is not None
        got = np.exp(thought.comparison.policy.log_probs)
        np.testing.assert_allclose(got, [probability[each] for each in thought.evaluation.moves], atol=1e-9)
        compared += bool(thought.comparison.moves)
    assert compared > 5


@pytest.mark.slow
@needs_weights
def test_the_shipped_network_chooses_by_the_rule_applied_by_hand() -> None:
    evaluator = load_network_evaluator(ROOT / "weights" / "wide")
    compared = 0
    for board in _positions(120, seed=8)[::10]:
        thought = Player(evaluator).think(board, Request(selection="lookahead"))
        move, _, needed = lookahead_by_hand(board, lambda after: evaluator.evaluate([after])[0], 2, 0.5)
        assert (thought.move, thought.nodes) == (move, 1 + len(needed)), board.fen()
        compared += bool(needed)
    assert compared > 2


def test_with_every_move_compared_the_policy_is_multiplied_by_the_odds_of_every_successor() -> None:
    evaluator = OpinionatedEvaluator()
    for board in _positions(150, seed=77)[::5]:
        thought = Player(evaluator).think(board, Request(selection="lookahead", want_values=True, **_ALL))
        assert thought.comparison is not None
        if not thought.comparison.moves:
            continue
        weights = []
        for move, log_prob in zip(thought.evaluation.moves, thought.evaluation.log_probs, strict=True):
            win, draw, _ = thought.wdl_after[move]
            score = min(max(float(win + draw / 2), 1e-4), 1 - 1e-4)
            weights.append(math.exp(log_prob) * (score / (1 - score)) ** 1.5 * (win + draw > 0))
        mated = np.array([sum(thought.wdl_after[move][:2]) == 0 for move in thought.evaluation.moves])
        if not mated.all():
            got = np.exp(thought.comparison.policy.log_probs)
            np.testing.assert_allclose(got, np.array(weights) / sum(weights), atol=1e-9)


@pytest.mark.parametrize("temperature", [0.0, 0.7])
@pytest.mark.parametrize("asked", [{"want_values": True}, {"want_reply": True}, {"lines": 4}, {"lines": 500}])
def test_showing_more_never_changes_the_move(asked: dict[str, Any], temperature: float) -> None:
    for board in _positions(150, seed=5)[::5]:
        plain, more = (
            Player(OpinionatedEvaluator(), seed=3).think(
                board, Request(selection="lookahead", temperature=temperature, **extra)
            )
            for extra in ({}, asked)
        )
        assert more.move == plain.move and more.nodes >= plain.nodes
        assert more.comparison is not None and plain.comparison is not None
        assert more.comparison.moves == plain.comparison.moves


def test_a_move_that_is_clearly_the_most_probable_is_played_after_one_evaluation() -> None:
    evaluator = FakeEvaluator({"e1f2": 2.1}, _material)
    thought = _think(evaluator, _PAWN_TAKES_QUEEN)
    assert thought.move.uci() == "e1f2" and evaluator.batches == [1] and thought.nodes == 1
    assert thought.comparison is not None and not thought.comparison.moves
    assert thought.comparison.reason == "the second move has 0.48 of the first one's probability"
    np.testing.assert_array_equal(thought.lines[0].wdl_to_move, thought.evaluation.wdl_to_move)


def test_two_close_moves_are_compared_in_one_batch_and_give_the_score() -> None:
    evaluator = FakeEvaluator({"e1f2": 4.0, "e4d5": 3.0}, _material)
    thought = _think(evaluator, _PAWN_TAKES_QUEEN)
    assert evaluator.batches == [1, 2] and thought.nodes == 3
    assert thought.move.uci() == "e4d5"
    np.testing.assert_allclose(thought.lines[0].wdl_to_move, [0.54, 0.0, 0.46])
    assert thought.comparison is not None and thought.comparison.scores == pytest.approx((0.18, 0.54))


def test_close_moves_are_bounded_in_number_and_by_the_ratio() -> None:
    evaluation = FakeEvaluator({"e2e4": 8.0, "d2d4": 4.04, "c2c4": 3.9}).evaluate([chess.Board()])[0]
    ranked, successors = ranked_moves(evaluation), Successors(chess.Board(), {})

    def close(most: int, ratio: float) -> list[str]:
        found, mated = close_moves(evaluation, successors, ranked, most, ratio)
        assert not mated
        return [move.uci() for move in found]

    assert close(3, 0.5) == ["e2e4", "d2d4"] and close(3, 0.4) == ["e2e4", "d2d4", "c2c4"]
    assert close(2, 0.0) == ["e2e4", "d2d4"] and len(close(MOST_MOVES, 0.0)) == 20
    assert close(2, 0.51) == ["e2e4"]


def test_a_far_better_successor_outweighs_the_policy_and_a_certain_policy_outweighs_a_little_better_one() -> None:
    # A pawn up after one move, a queen for a pawn down after the other: odds of 54 to 46 and of 18 to 82.
    factor = (0.54 / 0.46 * 0.82 / 0.18) ** 1.5
    assert 10 < factor < 15
    assert _look(_PAWN_TAKES_QUEEN, {"e1f2": 10.0}, **_ALL) == "e4d5"
    assert _look(_PAWN_TAKES_QUEEN, {"e1f2": 15.0}, **_ALL) == "e1f2"


def test_equal_values_are_told_apart_by_the_policy() -> None:
    assert _look(chess.STARTING_FEN, {"g1f3": 1.2}) == "g1f3"


def test_a_mate_is_played_though_the_policy_hardly_knows_it_and_nothing_else_is_evaluated() -> None:
    thought = _think(FakeEvaluator({"b3b8": 1e-9}), _BACK_RANKS)
    assert thought.move.uci() == "b3b8" and thought.nodes == 1 and thought.lines[0].mate_in == 1
    assert thought.comparison is not None and thought.comparison.reason == "a move mates"


def test_a_reply_that_mates_is_avoided_however_sure_the_policy_is_and_however_bad_the_rest() -> None:
    # The policy hardly thinks of h3, after which all seems lost.
    evaluator = FakeEvaluator({"b3f3": 1e9}, (1.0, 0.0, 0.0))
    assert _think(evaluator, _BACK_RANKS, allowed=_moves("b3f3", "h2h3"), **_ALL).move.uci() == "h2h3"


def test_probable_moves_that_an_answer_mates_are_skipped_without_an_evaluation() -> None:
    weights = {"b3f3": 9.0, "b3g3": 8.0, "h2h3": 1.0, "g2g3": 0.9}
    thought = _think(FakeEvaluator(weights), _BACK_RANKS, allowed=_moves(*weights))
    assert thought.move.uci() == "h2h3" and thought.nodes == 3
    assert thought.comparison is not None
    assert [move.uci() for move in thought.comparison.mated] == ["b3f3", "b3g3"]
    assert [move.uci() for move in thought.comparison.moves] == ["h2h3", "g2g3"]
    alone = _think(FakeEvaluator(weights), _BACK_RANKS, allowed=_moves("b3f3", "h2h3"))
    assert alone.move.uci() == "h2h3" and alone.nodes == 1
    assert alone.comparison is not None and alone.comparison.reason == "every other move is mated"


def test_a_move_that_draws_by_the_fifty_move_rule_is_not_mated() -> None:
    fen = _BACK_RANKS.replace("0 1", "99 80")
    thought = _think(FakeEvaluator({"b3f3": 9.0}), fen, allowed=_moves("b3f3", "h2h3"), guard=False)
    assert thought.move.uci() == "b3f3" and thought.comparison is not None and not thought.comparison.mated


def test_if_every_move_is_mated_the_most_probable_one_is_played() -> None:
    weights = {"b3f3": 8.0, "b3g3": 9.0}
    thought = _think(FakeEvaluator(weights), _BACK_RANKS, allowed=_moves(*weights))
    assert thought.move.uci() == "b3g3" and thought.nodes == 1 and thought.lines[0].mate_in == -1
    assert thought.comparison is not None and thought.comparison.reason == "every move is mated"


def test_a_draw_on_the_spot_costs_no_evaluation_and_is_better_than_losing() -> None:
    # Qg6 stalemates. Whatever else is played seems lost for White.
    board = "7k/5K2/8/6Q1/8/8/8/8 w - - 0 1"
    not_mating = _moves("g5g6", "g5e5", "g5d8", "g5c1")

    def think(weights: dict[str, float], after: Wdl) -> Thought:
        evaluator = FakeEvaluator(weights, lambda each: (0.5, 0.0, 0.5) if each.turn else after)
        return _think(evaluator, board, allowed=not_mating)

    compared = think({"g5g6": 9.0, "g5e5": 9.0}, (0.9, 0.0, 0.1))
    assert compared.move.uci() == "g5g6" and compared.nodes == 2
    outside = think({"g5g6": 1.0, "g5e5": 9.0, "g5c1": 9.0}, (0.9, 0.0, 0.1))
    assert outside.move.uci() == "g5g6" and outside.nodes == 3
    assert think({"g5g6": 1.0, "g5e5": 9.0, "g5c1": 9.0}, (0.4, 0.0, 0.6)).move.uci() == "g5c1"


def test_a_repetition_is_avoided_when_winning_though_its_successor_is_better() -> None:
    board = chess.Board("7k/8/8/8/8/8/1R6/K7 w - - 0 1")
    for text in "b2b3 h8g8 b3b2 g8h8 b2b3 h8g8 b3b2 g8h8".split():
        board.push_uci(text)
    evaluator = FakeEvaluator(
        {"b2b3": 5.0, "b2b4": 4.0}, lambda each: (0.9, 0.1, 0.0) if each.turn else (0.5, 0.1, 0.4)
    )
    for guard, move in ((True, "b2b4"), (False, "b2b3")):
        request = Request(selection="lookahead", guard=guard, allowed=_moves("b2b3", "b2b4"))
        thought = Player(evaluator).think(board, request)
        assert thought.move.uci() == move and thought.nodes == 2


def test_only_allowed_moves_are_compared() -> None:
    assert _look(_PAWN_TAKES_QUEEN, allowed=_moves("e1f2", "e1e2")) == "e1e2"
    one = _think(FakeEvaluator(), _PAWN_TAKES_QUEEN, allowed=_moves("e1f2"))
    assert one.nodes == 1 and one.comparison is not None
    assert one.comparison.reason == "there is one move to choose from"


def test_without_time_the_policy_decides() -> None:
    thought = _think(FakeEvaluator({"e1f2": 1.5}, _material), _PAWN_TAKES_QUEEN, budget_s=-1.0)
    assert thought.move.uci() == "e1f2" and thought.nodes == 1
    assert thought.comparison is not None and thought.comparison.reason == "no time for 2 evaluations"


def test_lines_have_the_values_that_were_compared_and_ask_for_the_others_alone() -> None:
    evaluator = FakeEvaluator({"e1f2": 40.0, "e4d5": 30.0}, _material)
    thought = _think(evaluator, _PAWN_TAKES_QUEEN, lines=3)
    assert [line.move.uci() for line in thought.lines] == ["e4d5", "e1f2", "e1e2"]
    assert evaluator.batches == [1, 2, 1] and thought.nodes == 4


def test_a_temperature_draws_by_the_policy_times_the_odds_of_the_values() -> None:
    board = chess.Board(_PAWN_TAKES_QUEEN)
    evaluation = FakeEvaluator({"e4d5": 3.0}, _material).evaluate([board])[0]
    successors = Successors(board, {})
    compared = sorted(_moves("e4d5", "e1f2"), key=str)
    after = FakeEvaluator(wdl=_material).evaluate([successors.after(move) for move in compared])
    successors.add(dict(zip(compared, after, strict=True)))
    policy = lookahead_policy(evaluation, successors, compared)
    probs = dict(zip(map(str, policy.moves), np.exp(policy.log_probs), strict=True))
    assert sum(probs.values()) == pytest.approx(1.0)
    kept, lost = 0.54 / 0.46, 0.18 / 0.82  # a pawn up, and a queen for a pawn down
    assert probs["e4d5"] / probs["e1f2"] == pytest.approx(3 * (kept / lost) ** 1.5, rel=1e-4)
    assert probs["e4d5"] + probs["e1f2"] == pytest.approx(4 / (len(probs) + 2))
    assert probs["e1e2"] == pytest.approx(1 / (len(probs) + 2))


def test_the_first_of_the_moves_compared_stays_ahead_of_the_others() -> None:
    rng = random.Random(4)
    evaluator = OpinionatedEvaluator()
    for board in _positions(150, seed=9)[::3]:
        most = rng.randint(2, 4)
        request = Request(selection="lookahead", compared_moves=most, compared_ratio=0.0, guard=False)
        comparison = Player(evaluator).think(board, request).comparison
        assert comparison is not None
        if comparison.moves and max(comparison.scores) >= 0.5:
            assert _most_probable(comparison.policy) in comparison.moves


def _most_probable(policy: Evaluation) -> chess.Move:
    moves: Sequence[chess.Move] = ranked_moves(policy)
    return moves[0]
