import chess
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.uci.commands import Position
from engine.uci.position_setup import PositionError, board_of, legal_move


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
