import random

import chess
import pytest

from engine.player.choice import choose_move, is_drawn_by_rule, ranked_moves
from tests.doubles.fake_evaluator import FakeEvaluator, Wdl

_WINNING = (0.9, 0.1, 0.0)
_LEVEL = (0.2, 0.6, 0.2)
_ROOK_ENDING = "7k/8/8/8/8/8/1R6/K7 w - - 0 1"


def _choose(
    board: chess.Board,
    weights: dict[str, float],
    wdl: Wdl = _LEVEL,
    temperature: float = 0.0,
    seed: int = 0,
) -> str:
    evaluation = FakeEvaluator(weights, wdl).evaluate([board])[0]
    fen, plies = board.fen(), len(board.move_stack)
    ranked = ranked_moves(evaluation)
    move = choose_move(board, evaluation, ranked, temperature, random.Random(seed))
    assert (board.fen(), len(board.move_stack)) == (fen, plies)
    return move.uci()


def _board_where_b2b3_repeats_for_the_third_time() -> chess.Board:
    board = chess.Board(_ROOK_ENDING)
    for text in "b2b3 h8g8 b3b2 g8h8 b2b3 h8g8 b3b2 g8h8".split():
        board.push_uci(text)
    return board


def test_the_most_probable_move_is_played() -> None:
    assert _choose(chess.Board(), {"g1f3": 3.0, "e2e4": 2.0}) == "g1f3"


def test_equal_moves_are_ordered_by_their_text() -> None:
    assert _choose(chess.Board(), {}) == "a2a3"


def test_only_allowed_moves_are_ranked_unless_none_is_legal() -> None:
    evaluation = FakeEvaluator({"e2e4": 5.0}).evaluate([chess.Board()])[0]
    allowed = [chess.Move.from_uci("h2h3"), chess.Move.from_uci("e2e5")]
    assert ranked_moves(evaluation, allowed[:1]) == allowed[:1]
    assert ranked_moves(evaluation, allowed) == allowed[:1]
    assert len(ranked_moves(evaluation, allowed[1:])) == 20


@pytest.mark.parametrize(
    ("fen", "mate"),
    [
        ("6k1/5ppp/8/8/8/8/5PPP/3R2K1 w - - 0 1", "d1d8"),
        ("rnbqkbnr/pppp1ppp/8/4p3/6P1/5P2/PPPPP2P/RNBQKBNR b KQkq - 0 2", "d8h4"),
    ],
)
def test_a_mate_in_one_is_played_whatever_the_policy_says(fen: str, mate: str) -> None:
    board = chess.Board(fen)
    assert _choose(board, {mate: 1e-6}) == mate
    assert _choose(board, {mate: 1e-6}, temperature=5.0) == mate


def test_of_several_mates_the_most_probable_is_played() -> None:
    board = chess.Board("6k1/8/6K1/8/8/8/8/RR6 w - - 0 1")
    assert _choose(board, {"a1a8": 0.1, "b1b8": 0.2}) == "b1b8"


def test_when_winning_a_third_repetition_is_avoided() -> None:
    board = _board_where_b2b3_repeats_for_the_third_time()
    weights = {"b2b3": 10.0, "a1a2": 5.0}
    assert _choose(board, weights, _WINNING) == "a1a2"
    assert _choose(board, weights, _LEVEL) == "b2b3"


def test_when_winning_a_second_repetition_is_avoided_for_a_good_move_only() -> None:
    board = _board_where_b2b3_repeats_for_the_third_time()
    for _ in range(4):
        board.pop()
    assert _choose(board, {"b2b3": 10.0}, _WINNING) != "b2b3"
    assert _choose(board, {"b2b3": 21.0}, _WINNING) == "b2b3"
    assert _choose(board, {"b2b3": 10.0}, _LEVEL) == "b2b3"


def test_when_winning_an_answer_that_repeats_for_the_third_time_is_not_allowed() -> None:
    # From a lost ladder point: a new position each time, and yet the king returns to g8 for the third time.
    board = chess.Board("3Q4/6k1/8/3B4/P7/6P1/5PP1/6K1 w - - 1 45")
    for text in "d8g5 g7h7 d5e4 h7h8 g5f6 h8g8 e4d5 g8h7 d5e4 h7g8 f6g6 g8f8".split():
        board.push_uci(text)
    weights = {"g6f6": 10.0, "g6h6": 2.0}
    assert _choose(board, weights, _WINNING) == "g6h6"
    assert _choose(board, weights, _LEVEL) == "g6f6"
    board.push_uci("g6f6")
    assert board.is_repetition(1) and not board.is_repetition(2)
    board.push_uci("f8g8")
    assert board.is_repetition(3)


def test_an_answer_that_repeats_for_the_third_time_is_seen_after_the_fewest_plies() -> None:
    board = chess.Board(_ROOK_ENDING)
    for text in "b2b3 h8g8 b3b2 g8h8 b2b4 h8h7".split():
        board.push_uci(text)
    # After b4b2, a new position on the seventh ply, h7h8 repeats the first one for the third time.
    assert _choose(board, {"b4b2": 10.0, "b4b5": 2.0}, _WINNING) == "b4b5"
    assert _choose(board, {"b4b2": 10.0, "b4b5": 2.0}, _LEVEL) == "b4b2"
    assert _choose(board, {"b4b2": 99.0}, _WINNING) != "b4b2"
    assert _choose(board, {"b4b2": 101.0}, _WINNING) == "b4b2"


def test_a_draw_is_played_when_no_passable_move_is_left() -> None:
    board = _board_where_b2b3_repeats_for_the_third_time()
    assert _choose(board, {"b2b3": 101.0}, _WINNING) == "b2b3"
    assert _choose(board, {"b2b3": 99.0}, _WINNING) != "b2b3"


def test_when_winning_the_fifty_move_draw_and_stalemate_are_avoided() -> None:
    fifty = chess.Board("7k/8/8/8/8/8/PR6/K7 w - - 99 90")
    assert _choose(fifty, {"b2b3": 10.0}, _WINNING) == "a2a3"
    assert _choose(fifty, {"b2b3": 10.0}, _LEVEL) == "b2b3"
    stalemate = chess.Board("7k/8/8/6Q1/8/8/8/K7 w - - 0 1")
    assert _choose(stalemate, {"g5g6": 10.0}, _WINNING) != "g5g6"


def test_a_mate_on_the_hundredth_half_move_counts() -> None:
    board = chess.Board("6k1/5ppp/8/8/8/8/5PPP/3R2K1 w - - 99 90")
    assert _choose(board, {"d1d8": 0.01}, _WINNING) == "d1d8"
    board.push_uci("d1d8")
    assert not is_drawn_by_rule(board)


def test_sampling_never_draws_a_struck_out_move() -> None:
    board = _board_where_b2b3_repeats_for_the_third_time()
    played = {_choose(board, {"b2b3": 15.0}, _WINNING, 1.0, seed) for seed in range(200)}
    assert "b2b3" not in played and len(played) > 5


def test_sampling_follows_the_temperature() -> None:
    weights = {move.uci(): 1e-9 for move in chess.Board().legal_moves}
    weights |= {"e2e4": 4.0, "d2d4": 1.0}

    def share(temperature: float) -> float:
        runs = 2000
        board = chess.Board()
        played = [_choose(board, weights, _LEVEL, temperature, seed) for seed in range(runs)]
        assert set(played) <= {"e2e4", "d2d4"}
        return played.count("e2e4") / runs

    # p ** (1 / T): 4 : 1 at T = 1 and 16 : 1 at T = 0.5; the tolerance is four standard errors.
    assert share(1.0) == pytest.approx(4 / 5, abs=0.036)
    assert share(0.5) == pytest.approx(16 / 17, abs=0.021)
    assert share(1e-3) == 1.0
