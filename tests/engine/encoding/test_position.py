"""Encoded positions: hand-worked boards, a reading of the FEN text, colour symmetry and repetition."""

import chess
import numpy as np
import pytest

from engine.encoding.position import (
    EN_PASSANT,
    HALF_MOVES,
    POSITION_SIZE,
    REPETITIONS,
    encode_position,
    mover_square,
)
from tests.reference.board_facts import encoded_by_text
from tests.reference.random_games import counted_positions, varied_positions

LETTERS = ".PNBRQKC"  # C: a rook that may still castle


def diagram(position: np.ndarray) -> str:
    """Draws the pieces, the mover's last rank first; the opponent's are in lower case."""
    letters = [LETTERS[abs(piece)].upper() if piece >= 0 else LETTERS[-piece].lower() for piece in position[:64]]
    return " ".join("".join(letters[rank : rank + 8]) for rank in range(56, -1, -8))


def played(*moves: str, start: str = chess.STARTING_FEN) -> chess.Board:
    board = chess.Board(start)
    for move in moves:
        board.push_uci(move)
    return board


def test_initial_position() -> None:
    position = encode_position(chess.Board())
    assert (position.shape, position.dtype) == ((POSITION_SIZE,), np.int8)
    assert diagram(position) == "cnbqkbnc pppppppp ........ ........ ........ ........ PPPPPPPP CNBQKBNC"
    assert position[64:].tolist() == [-1, 0, 0]


def test_black_to_move_sees_the_ranks_flipped_and_the_files_kept() -> None:
    position = encode_position(played("e2e4"))
    assert diagram(position) == "cnbqkbnc pppp.ppp ........ ....p... ........ ........ PPPPPPPP CNBQKBNC"
    # No capture on e3 is possible, so there is no target.
    assert position[64:].tolist() == [-1, 0, 0]


def test_mover_square_is_its_own_inverse() -> None:
    assert mover_square(chess.A1, chess.WHITE) == chess.A1
    assert mover_square(chess.A1, chess.BLACK) == chess.A8
    assert all(mover_square(mover_square(s, chess.BLACK), chess.BLACK) == s for s in chess.SQUARES)


@pytest.mark.parametrize(
    ("moves", "target"),
    [
        (["e2e4", "a7a6", "e4e5", "d7d5"], chess.D6),
        (["e2e4", "a7a6", "e4e5", "d7d5", "h2h3", "h7h6"], -1),  # the right lasts one ply
        (["a2a3", "e7e5", "a3a4", "e5e4", "d2d4"], chess.D6),  # Black's d3, seen from Black's side
        (["e2e4", "d7d5", "e4e5", "a7a5"], -1),  # no pawn beside it
    ],
)
def test_en_passant_target(moves: list[str], target: int) -> None:
    assert encode_position(played(*moves))[EN_PASSANT] == target


@pytest.mark.parametrize(
    ("fen", "move", "target"),
    [
        # Both pawns leave the fifth rank, and the rook sees the king.
        ("4k3/3p4/8/K3P2r/8/8/8/8 b - - 0 1", "d7d5", -1),
        # The capturing pawn is pinned on the file.
        ("4r1k1/3p4/8/4P3/8/8/8/4K3 b - - 0 1", "d7d5", -1),
        # Pinned on the diagonal along which it captures.
        ("6k1/3p4/8/4P3/8/6K1/8/b7 b - - 0 1", "d7d5", chess.D6),
        ("2b3k1/3p4/8/4P3/5K2/8/8/8 b - - 0 1", "d7d5", chess.D6),
        # In check from the pawn that has just moved: the capture is the way out.
        ("6k1/3p4/8/4P3/4K3/8/8/8 b - - 0 1", "d7d5", chess.D6),
    ],
)
def test_en_passant_target_needs_a_legal_capture(fen: str, move: str, target: int) -> None:
    board = played(move, start=fen)
    assert board.ep_square is not None
    assert encode_position(board)[EN_PASSANT] == target


@pytest.mark.parametrize(
    ("moves", "ours", "theirs"),
    [
        ([], "C...K..C", "c...k..c"),
        (["a1a8"], "....K..C", "R...k..c"),  # the rook takes a rook: two rights are gone
        (["e1e2", "h8g8"], "R......R", "c...k.r."),
        (["h1g1", "e8e7", "g1h1", "e7e8"], "C...K..R", "r...k..r"),  # coming back restores nothing
        (["e1c1", "e8g8"], "..KR...R", "r....rk."),
    ],
)
def test_castling_rooks_are_marked_while_the_right_lasts(moves: list[str], ours: str, theirs: str) -> None:
    board = played(*moves, start="r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 0 1")
    drawn = diagram(encode_position(board)).split()
    if board.turn == chess.BLACK:
        ours, theirs = theirs.swapcase(), ours.swapcase()
    assert (drawn[-1], drawn[0]) == (ours, theirs)


def test_a_right_for_one_side_marks_one_rook() -> None:
    drawn = diagram(encode_position(chess.Board("r3k2r/8/8/8/8/8/8/R3K2R w K - 0 1"))).split()
    assert (drawn[-1], drawn[0]) == ("R...K..C", "r...k..r")


def test_chess960_marks_the_rook_that_may_castle() -> None:
    # Two rooks on the king's side; the right belongs to the one on g1 only.
    board = chess.Board("4k3/8/8/8/8/8/8/1R3KRR w GB - 0 1", chess960=True)
    assert diagram(encode_position(board)) == "....k... " + "........ " * 6 + ".C...KCR"


def test_half_move_clock_is_clipped() -> None:
    for clock, expected in ((0, 0), (99, 99), (100, 100), (149, 100)):
        assert encode_position(chess.Board(f"4k3/8/8/8/8/8/8/R3K3 w - - {clock} 90"))[HALF_MOVES] == expected


def test_knight_shuffles_are_counted() -> None:
    shuffle = ["g1f3", "g8f6", "f3g1", "f6g8"]
    counts = [encode_position(played(*(shuffle * 4)[:plies]))[REPETITIONS] for plies in range(17)]
    assert counts == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2]


def test_a_lost_castling_right_makes_a_new_position() -> None:
    shuffle = ["h1g1", "a8b8", "g1h1", "b8a8"]
    boards = [played(*(shuffle * 2)[:n], start="r3k3/8/8/8/8/8/8/4K2R w Kq - 0 1") for n in (4, 5, 6, 8)]
    assert [int(encode_position(board)[REPETITIONS]) for board in boards] == [0, 0, 1, 1]


def test_an_illegal_en_passant_square_does_not_make_a_new_position() -> None:
    # After e2e4 Black has no pawn to capture with; the same board comes back without the square.
    moves = ["e2e4", "g8f6", "g1f3", "f6g8", "f3g1"]
    assert encode_position(played(*moves))[REPETITIONS] == 1
    # After d7d5 White could capture on d6, and later no longer can.
    moves = ["e2e4", "a7a6", "e4e5", "d7d5", "g1f3", "g8f6", "f3g1", "f6g8"]
    assert encode_position(played(*moves))[REPETITIONS] == 0


def test_positions_of_games_equal_a_reading_of_their_text() -> None:
    seen = set()
    for board, repetitions in counted_positions(3000):
        position = encode_position(board)
        assert position.tolist() == encoded_by_text(board, repetitions), board.fen()
        seen.add((position[EN_PASSANT] >= 0, int(position[REPETITIONS])))
    assert {repeated for _, repeated in seen} == {0, 1, 2}
    assert {possible for possible, _ in seen} == {False, True}


def test_chess960_positions_equal_a_reading_of_their_text() -> None:
    for board in varied_positions(1000, seed=1, chess960=True):
        position = encode_position(board)
        assert position[:-1].tolist() == encoded_by_text(board, 0)[:-1], board.fen()


def test_exchanging_the_colours_changes_nothing() -> None:
    for board in varied_positions(1000, seed=2):
        # The mirrored board has no moves behind it, so it knows of no repetition.
        np.testing.assert_array_equal(encode_position(board)[:-1], encode_position(board.mirror())[:-1])
