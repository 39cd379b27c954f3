"""Moves as cells and labels: hand-worked moves, one cell per move, bijections and colour symmetry."""

from collections.abc import Iterator

import chess
import numpy as np
import pytest

from engine.encoding.move_labels import (
    CELL_OF_LABEL,
    CELLS,
    LABELS,
    label_to_move,
    legal_moves_and_cells,
    move_to_cell,
    move_to_label,
)
from tests.reference.random_games import varied_positions

PROMOTING = "1n1k4/P1P5/8/8/8/8/8/4K3 w - - 0 1"


def mirrored(move: chess.Move) -> chess.Move:
    return chess.Move(move.from_square ^ 56, move.to_square ^ 56, move.promotion)


def positions_of_all_kinds() -> Iterator[chess.Board]:
    yield from varied_positions(3000)
    yield from varied_positions(2000, seed=1, chess960=True)


@pytest.mark.parametrize(
    ("fen", "move", "cell"),
    [
        (chess.STARTING_FEN, "e2e4", 12 * 64 + 28),
        ("rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq - 0 1", "e7e5", 12 * 64 + 28),
        (PROMOTING, "a7a8q", 48 * 64 + 56),
        (PROMOTING, "a7a8r", 4096 + (0 * 8 + 0) * 3 + 0),
        (PROMOTING, "a7b8b", 4096 + (0 * 8 + 1) * 3 + 1),
        (PROMOTING, "c7b8n", 4096 + (2 * 8 + 1) * 3 + 2),
        ("4k3/8/8/8/8/8/7p/4K3 b - - 0 1", "h2h1n", 4096 + (7 * 8 + 7) * 3 + 2),
        ("4k2r/8/8/8/8/8/8/4K3 b k - 0 1", "e8g8", 4 * 64 + 6),
    ],
)
def test_cells_by_hand(fen: str, move: str, cell: int) -> None:
    board = chess.Board(fen)
    assert move_to_cell(board, board.parse_uci(move)) == cell


@pytest.mark.parametrize(
    ("fen", "move", "label"),
    [
        # (file * 8 + rank) * 73 + plane, all in the mover's view.
        (chess.STARTING_FEN, "a2a3", 1 * 73 + 16),
        (chess.STARTING_FEN, "a2a4", 1 * 73 + 17),
        (chess.STARTING_FEN, "b1a3", 8 * 73 + 68),
        (chess.STARTING_FEN, "b1c3", 8 * 73 + 72),
        ("r3k3/8/8/8/8/8/8/R3K2R w KQq - 0 1", "e1c1", 2364),
        ("r3k3/8/8/8/8/8/8/R3K2R w KQq - 0 1", "e1g1", 2367),
        ("r3k3/8/8/8/8/8/8/4K3 b q - 0 1", "e8c8", 2364),
        (PROMOTING, "a7a8q", 6 * 73 + 16),
        (PROMOTING, "a7a8r", 6 * 73 + 0),
        (PROMOTING, "a7b8b", 6 * 73 + 4),
        (PROMOTING, "c7b8n", 22 * 73 + 8),
        ("7k/8/8/8/8/8/8/B3K3 w - - 0 1", "a1g7", 0 * 73 + 49),
        ("7k/6q1/8/8/8/8/8/4K3 b - - 0 1", "g7a1", 49 * 73 + 52),  # from g2 up to a8 as Black sees it
    ],
)
def test_labels_by_hand(fen: str, move: str, label: int) -> None:
    board = chess.Board(fen)
    assert move_to_label(board, board.parse_uci(move)) == label
    assert label_to_move(board, label) == chess.Move.from_uci(move)


def test_initial_labels_are_those_that_pgx_lists() -> None:
    # pgx/_src/games/chess.py, INIT_LEGAL_ACTION_MASK.
    expected = [89, 90, 652, 656, 673, 674, 1257, 1258, 1841, 1842]
    expected += [2425, 2426, 3009, 3010, 3572, 3576, 3593, 3594, 4177, 4178]
    board = chess.Board()
    assert sorted(move_to_label(board, move) for move in board.legal_moves) == expected


def test_chess960_castling_is_written_as_taking_the_rook_unless_standard() -> None:
    standard = chess.Board("4k3/8/8/8/8/8/8/R3K2R w KQ - 0 1", chess960=True)
    assert move_to_cell(standard, chess.Move.from_uci("e1h1")) == 4 * 64 + 6
    assert move_to_cell(standard, chess.Move.from_uci("e1a1")) == 4 * 64 + 2
    # King b1, rooks a1 and c1: the king's own steps to a1 and c1 are no moves, taking the rook is castling.
    other = chess.Board("4k3/8/8/8/8/8/8/RKR5 w CA - 0 1", chess960=True)
    assert move_to_cell(other, chess.Move.from_uci("b1c1")) == 1 * 64 + 2
    # King e1, rook f1: king to g1 would collide with nothing, but only the corner rooks are standard.
    near = chess.Board("4k3/8/8/8/8/8/8/4KR2 w F - 0 1", chess960=True)
    assert move_to_cell(near, chess.Move.from_uci("e1f1")) == 4 * 64 + 5


def test_every_label_with_a_move_has_its_own_cell() -> None:
    cells = CELL_OF_LABEL[CELL_OF_LABEL >= 0]
    assert (CELL_OF_LABEL.shape, CELL_OF_LABEL.dtype) == ((LABELS,), np.int32)
    # 1456 queen lines, 336 knight jumps and 3 * (8 + 7 + 7) under-promotions.
    assert len(cells) == len(set(cells.tolist())) == 1456 + 336 + 66
    assert cells.min() >= 0 and cells.max() < CELLS


def test_no_two_legal_moves_share_a_cell_or_a_label() -> None:
    kinds: set[tuple[object, ...]] = set()
    for board in positions_of_all_kinds():
        moves, cells = legal_moves_and_cells(board)
        labels = [move_to_label(board, move) for move in moves]
        assert len(set(cells.tolist())) == len(set(labels)) == len(moves), board.fen()
        assert min(labels, default=0) >= 0
        np.testing.assert_array_equal(CELL_OF_LABEL[labels], cells)
        kinds |= {(board.turn, move.promotion) for move in moves}
        kinds |= {(board.turn, board.chess960, "castling") for move in moves if board.is_castling(move)}
        kinds |= {(board.turn, "en passant") for move in moves if board.is_en_passant(move)}
    # Both colours: no promotion and the four promotions, castling in both games, en passant.
    assert len(kinds) == 2 * (1 + 4 + 2 + 1)


def test_labels_lead_back_to_their_moves() -> None:
    for chess960 in (False, True):
        for board in varied_positions(150, seed=3, chess960=chess960):
            for move in board.legal_moves:
                assert label_to_move(board, move_to_label(board, move)) == move, board.fen()


def test_moves_are_in_the_order_of_their_text() -> None:
    for board in varied_positions(300, seed=4):
        moves, cells = legal_moves_and_cells(board)
        texts = [move.uci() for move in moves]
        assert texts == sorted(move.uci() for move in board.legal_moves)
        assert cells.dtype == np.int32
        assert cells.tolist() == [move_to_cell(board, move) for move in moves]


def test_no_legal_move_gives_no_cells() -> None:
    moves, cells = legal_moves_and_cells(chess.Board("7k/5Q2/6K1/8/8/8/8/8 b - - 0 1"))
    assert moves == [] and cells.shape == (0,)


def test_exchanging_the_colours_keeps_the_cells() -> None:
    for chess960 in (False, True):
        for board in varied_positions(500, seed=5, chess960=chess960):
            mirror = board.mirror()
            cells = {move: move_to_cell(board, move) for move in board.legal_moves}
            assert {mirrored(move): cell for move, cell in cells.items()} == {
                move: move_to_cell(mirror, move) for move in mirror.legal_moves
            }


@pytest.mark.parametrize("label", [0, 1 * 73 + 18, 2367, 4671])
def test_a_label_without_a_legal_move_is_refused(label: int) -> None:
    with pytest.raises(ValueError, match=f"expected the label of a legal move in .*, got: {label}"):
        label_to_move(chess.Board(), label)
