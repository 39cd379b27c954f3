"""Positions and games from outside, and the lines that refuse them."""

import chess
import pytest

from engine.view.game_record import MAX_PLIES, GameRecordError, board_of, read_pgn

PGN = """[Event "A"]
[White "Anderssen"]
[Result "1-0"]

1. e4 {best by test} e5 (1... c5 2. Nf3) 2. Qh5 $2 Nc6 3. Bc4 Nf6 4. Qxf7# 1-0

[Event "B"]

1. d4 *
"""


def test_the_game_is_in_the_move_stack() -> None:
    board = board_of(chess.STARTING_FEN, ["g1f3", "g8f6", "f3g1", "f6g8"])
    assert board.is_repetition(2) and len(board.move_stack) == 4


def test_a_fen_may_lack_its_last_fields() -> None:
    assert board_of("4k3/8/8/8/8/8/4P3/4K3 w").legal_moves.count() > 0


@pytest.mark.parametrize(
    ("fen", "reason"),
    [
        ("", "expected a FEN"),
        ("nonsense", "expected a FEN"),
        ("4k3/8/8/8/8/8/4P3/8 w - - 0 1", "no white king"),
        ("k3K3/8/8/8/8/8/8/R7 w - - 0 1", "opposite check"),
        ("4k3/8/8/8/8/8/8/4K3 w KQ - 0 1", "bad castling rights"),
        ("4k3/8/8/8/8/8/8/4K3 w - - 99999 1", "counter too large"),
        ("x" * 100_000, "…"),
    ],
)
def test_an_impossible_position_is_refused_in_one_short_line(fen: str, reason: str) -> None:
    with pytest.raises(GameRecordError, match=reason) as refusal:
        board_of(fen)
    assert "\n" not in str(refusal.value) and len(str(refusal.value)) < 400


@pytest.mark.parametrize("text", ["e2e5", "e4", "", "0000", "e2e4\n", "z9z9", "e1g1"])
def test_an_illegal_move_is_refused_by_number(text: str) -> None:
    with pytest.raises(GameRecordError, match="as move 2 in"):
        board_of(chess.STARTING_FEN, ["g1f3", text])


def test_too_many_moves_are_refused_before_they_are_read() -> None:
    with pytest.raises(GameRecordError, match=f"at most {MAX_PLIES}"):
        board_of(chess.STARTING_FEN, ["junk"] * (MAX_PLIES + 1))


def test_reads_the_main_line_of_the_first_game() -> None:
    game = read_pgn(PGN)
    assert game.fen == chess.STARTING_FEN
    assert game.moves == ("e2e4", "e7e5", "d1h5", "b8c6", "f1c4", "g8f6", "h5f7")
    assert game.headers["White"] == "Anderssen"
    assert board_of(game.fen, game.moves).is_checkmate()


def test_a_game_may_start_elsewhere() -> None:
    fen = "4k3/8/8/8/8/8/4P3/4K3 w - - 0 1"
    assert read_pgn(f'[SetUp "1"]\n[FEN "{fen}"]\n\n1. e4 *\n').moves == ("e2e4",)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "1. e5 *",
        '[FEN "nonsense"]\n\n1. e4 *',
        '[Variant "Atomic"]\n\n1. e4 *',
        '[FEN "4k3/8/8/8/8/8/8/8 w - - 0 1"]\n\n*',
        '[Variant "Chess960"]\n[FEN "bqnbrkrn/pppppppp/8/8/8/8/PPPPPPPP/BQNBRKRN w GEge - 0 1"]\n\n1. e4 *',
    ],
)
def test_what_is_no_game_of_standard_chess_is_refused(text: str) -> None:
    with pytest.raises(GameRecordError, match="expected"):
        read_pgn(text)
