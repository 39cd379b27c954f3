"""The features of the squares: every group against python-chess, and NumPy against compiled JAX."""

import re

import chess
import jax
import numpy as np
import pytest

from engine.encoding.exchange import CAPTURES
from engine.encoding.position import POSITION_SIZE, encode_position
from engine.encoding.square_features import FEATURE_GROUPS, FEATURES, square_features
from tests.reference.board_facts import feature_groups
from tests.reference.random_games import counted_positions, varied_positions


def groups_of(board: chess.Board) -> dict[str, np.ndarray]:
    """Splits one board's features by group, each `[size, S]`."""
    features = square_features(encode_position(board)[None])[0].T
    ends = np.cumsum([size for _, size in FEATURE_GROUPS])
    return dict(zip([name for name, _ in FEATURE_GROUPS], np.split(features, ends[:-1]), strict=True))


def assert_groups_equal_reference(board: chess.Board, repetitions: int) -> None:
    expected = feature_groups(board, repetitions, CAPTURES)
    computed = groups_of(board)
    assert computed.keys() == expected.keys()
    for name, rows in computed.items():
        np.testing.assert_array_equal(rows, expected[name], err_msg=f"{name}: {board.fen()}")


def squares(row: np.ndarray) -> str:
    return " ".join(chess.square_name(int(square)) for square in np.flatnonzero(row))


def test_layout() -> None:
    features = square_features(encode_position(chess.Board())[None])
    assert (features.shape, features.dtype) == ((1, 64, FEATURES), np.float32)
    assert FEATURES == sum(size for _, size in FEATURE_GROUPS) == 120
    # Nothing far from 1, so that no feature drowns the others.
    assert abs(features).max() <= 27 / 8  # a queen in the middle of an empty board attacks 27 squares


def test_pinned_man_and_discovered_line_by_hand() -> None:
    #  8  . . . . r . . k      The rook on e8 looks through the knight e4 at the king e1;
    #  4  . . . . N . . .      the bishop on a1 looks through the pawn d4 at the king h8.
    #  1  B . . . K . . .
    board = chess.Board("4r2k/8/8/8/3PN3/8/8/B3K3 w - - 0 1")
    own_king, their_king = groups_of(board)["on a line from a slider through one piece to the king: side of the king"]
    assert squares(own_king) == "e2 e3 e4 e5 e6 e7"
    assert squares(their_king) == "b2 c3 d4 e5 f6 g7"
    assert board.is_pinned(chess.WHITE, chess.E4)


def test_checks_by_hand() -> None:
    #  8  . . . . . . . k
    #  6  . . . . . P . .      f6 shuts the long diagonal
    board = chess.Board("7k/8/5P2/8/8/8/8/K7 w - - 0 1")
    name = "square gives check to the other king: side, by knight, diagonal, orthogonal, pawn"
    knight, diagonal, orthogonal, pawn = groups_of(board)[name][:4]
    assert squares(knight) == "g6 f7"
    assert squares(diagonal) == "f6 g7"
    assert squares(orthogonal) == "h1 h2 h3 h4 h5 h6 h7 a8 b8 c8 d8 e8 f8 g8"
    assert squares(pawn) == "g7"


def test_attackers_by_hand() -> None:
    groups = groups_of(chess.Board())
    one, two, three = groups["attackers at least 1, 2, 3: side"][:3]
    assert squares(one) == "b1 c1 d1 e1 f1 g1 a2 b2 c2 d2 e2 f2 g2 h2 a3 b3 c3 d3 e3 f3 g3 h3"
    assert squares(two) == "d2 e2 a3 b3 c3 d3 e3 f3 g3 h3"
    assert squares(three) == "d2 e2 c3 f3"
    least = groups["least valuable attacker: side, kind"]
    assert squares(least[0]) == "a3 b3 c3 d3 e3 f3 g3 h3"
    assert squares(least[5]) == "d1 f1 f2"


def test_best_capture_by_hand() -> None:
    # The queen would be lost for the guarded pawn d5; the rook takes the loose bishop a8.
    board = chess.Board("b3k3/8/4p3/3p4/8/8/8/R2QK3 w - - 0 1")
    ours, theirs = groups_of(board)["worth of the best capture here: side that captures, in units of 4 pawns"]
    assert {chess.square_name(int(s)): float(ours[s]) * 4 for s in np.flatnonzero(ours)} == {"a8": 3.0}
    assert not theirs.any()


def test_every_group_equals_what_python_chess_finds() -> None:
    for index, (board, repetitions) in enumerate(counted_positions(3000, seed=7)):
        if index % 30 == 0:
            assert_groups_equal_reference(board, repetitions)


@pytest.mark.slow
def test_every_group_equals_what_python_chess_finds_in_many_games() -> None:
    for board, repetitions in counted_positions(2000, seed=8):
        assert_groups_equal_reference(board, repetitions)


def test_pinned_men_lie_on_the_lines_to_their_king() -> None:
    name = "on a line from a slider through one piece to the king: side of the king"
    pins = 0
    for board in varied_positions(1000, seed=9):
        if board.turn == chess.BLACK:
            continue
        lines = groups_of(board)[name]
        for row, color in enumerate((chess.WHITE, chess.BLACK)):
            for square in chess.SquareSet(board.occupied_co[color]):
                assert bool(lines[row, square]) == board.is_pinned(color, square), board.fen()
                pins += board.is_pinned(color, square)
    assert pins > 50


def test_numpy_and_compiled_jax_agree_bit_for_bit() -> None:
    positions = np.stack([encode_position(board) for board, _ in counted_positions(512, seed=10)])
    compiled = jax.jit(square_features)
    for batch in positions.reshape(4, 128, POSITION_SIZE):
        np.testing.assert_array_equal(square_features(batch), compiled(batch))


def test_nothing_in_the_compiled_program_has_64_bits() -> None:
    lowered = jax.jit(square_features).lower(jax.ShapeDtypeStruct((4, POSITION_SIZE), np.int8))
    program = lowered.as_text(dialect="hlo")
    assert "f32[" in program
    assert re.findall(r"\b(?:f|s|u|c)(?:64|128)\[.*", program) == []


@pytest.mark.parametrize("shape", [(POSITION_SIZE,), (2, 64), (1, 1, POSITION_SIZE)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    message = re.escape(f"expected positions of shape [B, {POSITION_SIZE}], got: {list(shape)}")
    with pytest.raises(ValueError, match=message):
        square_features(np.zeros(shape, np.int8))
