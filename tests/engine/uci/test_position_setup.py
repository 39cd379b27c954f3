import random

import chess
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.player.recent_game import recent_copy
from engine.uci.commands import Position
from engine.uci.position_setup import PositionError, board_of, legal_move, new_game


def test_moves_are_kept_for_repetitions() -> None:
    moves = tuple("g1f3 g8f6 f3g1 f6g8 g1f3 g8f6 f3g1 f6g8".split())
    board = board_of(Position(None, moves), chess960=False)
    assert board.is_repetition(3)


@pytest.mark.parametrize("fields", [4, 5, 6])
def test_the_counters_of_a_fen_may_be_missing(fields: int) -> None:
    fen = " ".join("4k3/8/8/8/8/8/4P3/4K3 b - - 3 9".split()[:fields])
    board = board_of(Position(fen, ("e8d7",)), chess960=False)
    assert board.turn == chess.WHITE


def test_promotions_may_be_upper_case() -> None:
    board = board_of(Position("4k3/P7/8/8/8/8/8/4K3 w - - 0 1", ("A7A8N",)), chess960=False)
    assert board.piece_at(chess.A8) == chess.Piece(chess.KNIGHT, chess.WHITE)


def test_five_hundred_moves_are_replayed() -> None:
    moves = ("g1f3", "g8f6", "f3g1", "f6g8") * 150
    assert len(board_of(Position(None, moves), chess960=False).move_stack) == 600


@pytest.mark.parametrize(
    ("fen", "reason"),
    [
        ("8/8/8/8/8/8/8/8 w - - 0 1", "empty"),
        ("4k3/8/8/8/8/8/8/8 w - - 0 1", "no white king"),
        ("8/8/8/8/8/8/8/4K3 w - - 0 1", "no black king"),
        ("4k3/8/8/8/8/8/8/K3K3 w - - 0 1", "too many kings"),
        ("PPPPPPPP/PPPPPPPP/8/8/8/4k3/8/4K3 w - - 0 1", "too many white pawns"),
        ("4k3/8/8/8/QQQQQQQQ/QQQQQQQQ/8/4K3 w - - 0 1", "too many white pieces"),
        ("4k3/8/8/8/8/8/8/P3K3 w - - 0 1", "pawns on backrank"),
        ("4k3/4Q3/8/8/8/8/8/4K3 w - - 0 1", "opposite check"),
        ("4k3/8/8/8/8/8/8/4K3 w KQ - 0 1", "bad castling rights"),
        ("4k3/8/8/8/8/8/8/4K3 w - e6 0 1", "invalid ep square"),
        ("4k3/8/8/8/8/8/8/4K3 w - - 99999999999999999999 1", "move counter too large"),
        ("bqnb1rkr/pp3ppp/3ppn2/2p5/5P2/P2P4/NPP1P1PP/BQ1BNRKR w HFhf - 2 9", "UCI_Chess960"),
        ("rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP w KQkq - 0 1", "expected 8 rows"),
        ("garbage", "expected 8 rows"),
    ],
)
def test_an_impossible_fen_is_refused_with_its_reason(fen: str, reason: str) -> None:
    with pytest.raises(PositionError, match=reason) as error:
        board_of(Position(fen, ()), chess960=False)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["e2e5", "e7e5", "0000", "e2", "zz", "e2e4q", "\u00e9"])
def test_an_illegal_move_is_refused_with_its_number(text: str) -> None:
    with pytest.raises(PositionError, match="as move 3 in rnbqkbnr/pppp1ppp/8/4p3"):
        board_of(Position(None, ("e2e4", "e7e5", text, "g8f6")), chess960=False)


def test_castling_is_written_in_both_ways() -> None:
    fen = "4k3/8/8/8/8/8/8/R3K2R w KQ - 0 1"
    for text in ("e1g1", "e1h1"):
        for chess960 in (False, True):
            board = board_of(Position(fen, ()), chess960)
            move = legal_move(board, text)
            assert move is not None and board.is_kingside_castling(move)
            assert move.uci() == ("e1h1" if chess960 else "e1g1")


def test_chess960_castling_needs_the_option() -> None:
    fen = "bqnb1rkr/pp3ppp/3ppn2/2p5/5P2/P2P4/NPP1P1PP/BQ1BNRKR w HFhf - 2 9"
    board = board_of(Position(fen, ()), chess960=True)
    assert board.castling_rights == chess.BB_F1 | chess.BB_H1 | chess.BB_F8 | chess.BB_H8


_FEN_CHARACTERS = st.text(alphabet="kqrbnpKQRBNP12345678/ wb-ae36\u00b2", max_size=80)


@given(_FEN_CHARACTERS | st.text(max_size=40), st.lists(st.text(max_size=6), max_size=3))
def test_any_text_gives_a_board_or_a_position_error(fen: str, moves: list[str]) -> None:
    for chess960 in (False, True):
        try:
            board = board_of(Position(fen, tuple(moves)), chess960)
        except PositionError:
            continue
        assert board.is_valid()


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
    assert back.board.fen() == board_of(Position(None, moves[:shared]), False).fen()


def test_a_mistake_in_the_new_moves_leaves_the_position() -> None:
    setup = new_game(False).followed_by(Position(None, ("e2e4", "e7e5")), False)
    fen = setup.board.fen()
    with pytest.raises(PositionError, match="got 'e1e3' as move 4"):
        setup.followed_by(Position(None, ("e2e4", "e7e5", "g1f3", "e1e3")), False)
    assert setup.board.fen() == fen and len(setup.board.move_stack) == 2
    assert setup.followed_by(Position(None, ("e2e4", "e7e5")), False).board.fen() == fen


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
