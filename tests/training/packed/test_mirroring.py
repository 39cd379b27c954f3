"""The left-right mirror against python-chess's own."""

import random

import chess
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.encoding.move_labels import CELLS, legal_moves_and_cells
from engine.encoding.position import encode_position
from training.packed.mirroring import can_be_mirrored, mirror_cells, mirror_positions


def random_board(seed: int, plies: int) -> chess.Board:
    chance = random.Random(seed)
    board = chess.Board()
    for _ in range(plies):
        moves = list(board.legal_moves)
        after = board.copy()
        if moves:
            after.push(chance.choice(moves))
        if after.is_game_over():
            break
        board = after
    return board


def mirrored_board(board: chess.Board) -> chess.Board:
    """Returns python-chess's own mirror image, which forgets the en-passant square."""
    image = board.transform(chess.flip_horizontal)
    image.ep_square = None if board.ep_square is None else board.ep_square ^ 7
    return image


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(0, 160))
def test_mirroring_agrees_with_python_chess(seed: int, plies: int) -> None:
    board = random_board(seed, plies)
    board.castling_rights = 0
    board.clear_stack()
    image = mirrored_board(board)
    position = encode_position(board)[None]
    assert can_be_mirrored(position).all()
    assert np.array_equal(mirror_positions(position)[0], encode_position(image))
    _, cells = legal_moves_and_cells(board)
    _, image_cells = legal_moves_and_cells(image)
    assert sorted(mirror_cells(cells)) == sorted(image_cells)
    assert np.array_equal(mirror_positions(mirror_positions(position)), position)


@pytest.mark.parametrize(
    "fen",
    [
        "4k3/8/8/3pP3/8/8/8/4K3 w - d6 0 1",
        "4k3/8/8/8/3pP3/8/8/4K3 b - e3 0 1",
        "n1n1k3/1P6/8/8/8/8/8/4K3 w - - 0 1",
        "4k3/8/8/8/8/8/p7/1N2K3 b - - 0 1",
    ],
)
def test_en_passant_and_promotions(fen: str) -> None:
    board = chess.Board(fen)
    image = mirrored_board(board)
    assert np.array_equal(mirror_positions(encode_position(board)[None])[0], encode_position(image))
    assert sorted(mirror_cells(legal_moves_and_cells(board)[1])) == sorted(legal_moves_and_cells(image)[1])


def test_cells_mirrored_twice_are_the_same_and_padding_stays() -> None:
    for dtype in (np.int16, np.int32):
        cells = np.arange(-1, CELLS, dtype=dtype)
        once = mirror_cells(cells)
        assert once.dtype == dtype and once[0] == -1 and not np.array_equal(once, cells)
        assert np.array_equal(np.sort(once), cells)
        assert np.array_equal(mirror_cells(once), cells)


def test_castling_rights_of_either_side_forbid_the_mirror() -> None:
    fens = [
        "r3k2r/8/8/8/8/8/8/R3K2R w - - 0 1",
        "r3k2r/8/8/8/8/8/8/R3K2R w Q - 0 1",
        "r3k2r/8/8/8/8/8/8/R3K2R w k - 0 1",
    ]
    positions = np.array([encode_position(chess.Board(fen)) for fen in fens])
    assert can_be_mirrored(positions).tolist() == [True, False, False]
    with pytest.raises(ValueError, match="expected positions"):
        can_be_mirrored(positions[0])
