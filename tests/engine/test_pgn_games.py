"""Words that look like moves: what people and programs write, and what no move is."""

from pathlib import Path

import chess
import chess.pgn
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.pgn_games import unread_move
from engine.view.game_record import GameRecordError, read_pgn
from training.evaluation.failures import EvaluationError
from training.evaluation.match.opening_file import read_openings

GAME = """[Event "Zz9 e9"]
[FEN "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1"]

1. e4 {Zz9 and
e9} e5 2.Nf3!? $14 Nc6 (2... Nf6 3. Nxe5 d6) 3. Bb5 a6 ; Kx9
% e9
4. Bxc6 dxc6 5. O-O Qf6 6. d4 exd4 7. e5 N +0.35/12 4.2s Qe6 8. e1=Q# exd6e.p. a1=Q+ b8Q 1/2-1/2
"""


def test_what_is_written_beside_moves_is_no_fault() -> None:
    assert unread_move(GAME) is None


@pytest.mark.parametrize("word", ["Zz9", "2...Zz9", "Nf9", "e9", "i4", "Qh8x9", "Ngf33", "Xe4"])
def test_a_word_that_is_no_move_is_named(word: str) -> None:
    assert unread_move(GAME.replace("Nc6 (", f"{word} (")) == word


@given(st.randoms(use_true_random=False))
def test_games_that_are_written_are_read(random: object) -> None:
    board = chess.Board()
    for _ in range(60):
        moves = sorted(board.legal_moves, key=chess.Move.uci)
        if not moves:
            break
        board.push(random.choice(moves))  # type: ignore[attr-defined]
    assert unread_move(str(chess.pgn.Game.from_board(board))) is None


def test_games_with_such_words_are_refused(tmp_path: Path) -> None:
    two = "1. e4 e5 2. Nf3 *\n\n1. d4 Zz9 2. c4 *\n"
    assert read_pgn(two).moves == ("e2e4", "e7e5", "g1f3")
    with pytest.raises(GameRecordError, match="expected legal moves in the PGN, got: 'Zz9'"):
        read_pgn("1. e4 Zz9 *")
    (tmp_path / "two.pgn").write_text(two)
    with pytest.raises(EvaluationError, match=r"expected legal moves in two\.pgn game 2, got Zz9"):
        read_openings(tmp_path / "two.pgn")
