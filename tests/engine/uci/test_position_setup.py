import random

import chess
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.player.choice import recent_copy
from engine.uci.commands import Position
from engine.uci.position_setup import PositionError, Setup, legal_move, new_game


def _set_up(fen: str | None, moves: tuple[str, ...] = (), chess960: bool = False) -> Setup:
    return new_game(chess960).followed_by(Position(fen, moves), chess960)


def test_moves_are_kept_for_repetitions() -> None:
    moves = tuple("g1f3 g8f6 f3g1 f6g8 g1f3 g8f6 f3g1 f6g8".split())
    board = _set_up(None, moves).board
    assert board.is_repetition(3)


@pytest.mark.parametrize("fields", [2, 3, 4, 5, 6])
def test_the_counters_of_a_fen_may_be_missing(fields: int) -> None:
    fen = " ".join("4k3/8/8/8/8/8/4P3/4K3 b - - 3 9".split()[:fields])
    board = _set_up(fen, ("e8d7",)).board
    assert board.turn == chess.WHITE


def test_promotions_may_be_upper_case() -> None:
    board = _set_up("4k3/P7/8/8/8/8/8/4K3 w - - 0 1", ("A7A8N",)).board
    assert board.piece_at(chess.A8) == chess.Piece(chess.KNIGHT, chess.WHITE)


def test_five_hundred_moves_are_replayed() -> None:
    moves = ("g1f3", "g8f6", "f3g1", "f6g8") * 150
    assert len(_set_up(None, moves).board.move_stack) == 600


@pytest.mark.parametrize(
    ("fen", "reason"),
    [
        ("8/8/8/8/8/8/8/8 w - - 0 1", "empty"),
        ("4k3/8/8/8/8/8/8/8 w - - 0 1", "no white king"),
        ("8/8/8/8/8/8/8/4K3 w - - 0 1", "no black king"),
        ("4k3/8/8/8/8/8/8/K3K3 w - - 0 1", "too many kings"),
        ("PPPPPPPP/PPPPPPPP/8/8/8/4k3/8/4K3 w - - 0 1", "too many white pieces"),
        ("4k3/8/8/8/QQQQQQQQ/QQQQQQQQ/8/4K3 w - - 0 1", "too many white pieces"),
        ("4k3/8/8/8/8/8/8/P3K3 w - - 0 1", "pawns on backrank"),
        ("4k3/4Q3/8/8/8/8/8/4K3 w - - 0 1", "opposite check"),
        ("4k3/8/8/8/8/8/8/4K3 w - - 99999999999999999999 1", "move counter too large"),
        ("rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP w KQkq - 0 1", "expected 8 rows"),
        ("garbage", "expected 8 rows"),
    ],
)
def test_an_impossible_fen_is_refused_with_its_reason(fen: str, reason: str) -> None:
    with pytest.raises(PositionError, match=reason) as error:
        _set_up(fen)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "fen",
    [
        "4k3/pppppppp/p7/8/8/8/8/4K3 b - - 0 1",  # nine pawns
        "R2k2R1/8/8/8/8/8/8/4K3 b - - 0 1",  # checked from both sides
        "3k4/8/2N1N3/8/8/8/8/3RK3 b - - 0 1",  # three checks
    ],
)
def test_what_no_game_reaches_but_can_be_played_is_accepted(fen: str) -> None:
    setup = _set_up(fen)
    assert not setup.problem and setup.board.fen() == fen and not setup.board.is_valid()


@pytest.mark.parametrize(
    ("fen", "left_out", "kept"),
    [
        ("4k3/8/8/8/8/8/8/4K3 w KQ - 0 1", "castling rights, ", "4k3/8/8/8/8/8/8/4K3 w - - 0 1"),
        ("4k3/8/8/8/8/8/8/4K2R w KQ - 0 1", "castling rights, ", "4k3/8/8/8/8/8/8/4K2R w K - 0 1"),
        ("4k3/8/8/8/8/8/8/4K3 w - e6 0 1", "en-passant square", "4k3/8/8/8/8/8/8/4K3 w - - 0 1"),
        ("1k6/8/8/8/8/8/8/1K4R1 w G - 0 1", "UCI_Chess960", "1k6/8/8/8/8/8/8/1K4R1 w - - 0 1"),
    ],
)
def test_rights_that_the_men_do_not_bear_out_are_left_out(fen: str, left_out: str, kept: str) -> None:
    setup = _set_up(fen)
    assert left_out in setup.problem and "\n" not in setup.problem and setup.board.fen() == kept


@pytest.mark.parametrize("text", ["e2e5", "e7e5", "0000", "e2", "zz", "e2e4q", "\u00e9"])
def test_a_game_with_an_illegal_move_is_refused_as_a_whole(text: str) -> None:
    with pytest.raises(PositionError, match="as move 3 in rnbqkbnr/pppp1ppp/8/4p3"):
        _set_up(None, ("e2e4", "e7e5", text, "g1f3"))


def test_castling_is_written_in_both_ways() -> None:
    fen = "4k3/8/8/8/8/8/8/R3K2R w KQ - 0 1"
    for text in ("e1g1", "e1h1"):
        for chess960 in (False, True):
            board = _set_up(fen, (), chess960).board
            move = legal_move(board, text)
            assert move is not None and board.is_kingside_castling(move)
            assert move.uci() == ("e1h1" if chess960 else "e1g1")


def test_chess960_castling_needs_the_option() -> None:
    fen = "bqnb1rkr/pp3ppp/3ppn2/2p5/5P2/P2P4/NPP1P1PP/BQ1BNRKR w HFhf - 2 9"
    board = _set_up(fen, (), chess960=True).board
    assert board.castling_rights == chess.BB_F1 | chess.BB_H1 | chess.BB_F8 | chess.BB_H8


_FEN_CHARACTERS = st.text(alphabet="kqrbnpKQRBNP12345678/ wb-ae36\u00b2", max_size=80)


@given(_FEN_CHARACTERS | st.text(max_size=40), st.lists(st.text(max_size=6), max_size=3))
def test_any_text_gives_a_board_or_a_position_error(fen: str, moves: list[str]) -> None:
    for chess960 in (False, True):
        try:
            board = _set_up(fen, tuple(moves), chess960).board
        except PositionError:
            continue
        assert board.king(chess.WHITE) is not None and board.king(chess.BLACK) is not None
        assert not board.was_into_check()


@given(st.randoms(use_true_random=False), st.integers(0, 60), st.integers(0, 20))
@settings(max_examples=40, deadline=None)
def test_what_two_commands_share_is_not_replayed_and_gives_the_same(rng: random.Random, shared: int, more: int) -> None:
    board = chess.Board()
    while len(board.move_stack) < shared + more and any(board.legal_moves):
        board.push(rng.choice(list(board.legal_moves)))
    moves = tuple(map(str, board.move_stack))
    first = new_game(False).followed_by(Position(None, moves[:shared]), False)
    second = first.followed_by(Position(None, moves), False)
    assert second.board is first.board
    assert second.board.fen() == board.fen() and second.board.move_stack == board.move_stack
    back = second.followed_by(Position(None, moves[:shared]), False)
    assert back.board.fen() == _set_up(None, moves[:shared]).board.fen()


def test_after_a_mistake_the_game_can_go_on() -> None:
    setup = new_game(False).followed_by(Position(None, ("e2e4", "e7e5")), False)
    for moves in (("e2e4", "e7e5", "g1f3", "e1e3"), ("d2d4", "d7d5", "e1e3")):
        with pytest.raises(PositionError, match=f"got 'e1e3' as move {len(moves)} "):
            setup.followed_by(Position(None, moves), False)
        assert list(map(str, setup.board.move_stack)) == ["e2e4", "e7e5"]
    setup = setup.followed_by(Position(None, ("e2e4", "e7e5", "g1f3", "b8c6")), False)
    assert not setup.problem and setup.board.peek().uci() == "b8c6"
    setup = setup.followed_by(Position(None, ("e2e4", "e7e5")), False)
    assert setup.board.fen() == _set_up(None, ("e2e4", "e7e5")).board.fen()


def test_another_form_of_castling_is_another_position() -> None:
    fen = "4k3/8/8/8/8/8/8/4K2R w K - 0 1"
    setup = new_game(False).followed_by(Position(fen, ()), False).followed_by(Position(fen, ("e1h1",)), True)
    assert setup.board.fen() == "4k3/8/8/8/8/8/8/5RK1 b - - 1 1"


@given(st.randoms(use_true_random=False), st.integers(0, 120))
@settings(max_examples=40, deadline=None)
def test_a_recent_copy_repeats_positions_as_the_whole_game_does(rng: random.Random, plies: int) -> None:
    board = chess.Board("4k3/8/8/8/8/8/4P3/R3K2R w KQ - 0 1")
    while len(board.move_stack) < plies and not board.is_game_over():
        quiet = [move for move in board.legal_moves if rng.random() < 0.1 or board.piece_type_at(move.from_square) == 6]
        board.push(rng.choice(quiet or list(board.legal_moves)))
    copy = recent_copy(board)
    assert copy.fen() == board.fen() and len(copy.move_stack) <= board.halfmove_clock
    assert [copy.is_repetition(n) for n in (2, 3, 5)] == [board.is_repetition(n) for n in (2, 3, 5)]
