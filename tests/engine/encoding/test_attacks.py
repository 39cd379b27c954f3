"""Attack relations against pieces that are really placed and removed, and the tables of the empty board."""

import chess
import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.encoding import geometry
from engine.encoding.attacks import Attacks, attacker_counts, attacks_of, pieces_of
from engine.encoding.position import encode_position
from tests.reference.board_facts import attack_matrix, mover_up, open_line_matrix, through_matrix
from tests.reference.random_games import random_placement, varied_positions

ANY_SEED = st.integers(0, 2**32 - 1)


def attacks_on(*boards: chess.Board) -> Attacks:
    return attacks_of(np.stack([encode_position(board) for board in boards]))


def squares(row: np.ndarray) -> str:
    return " ".join(chess.square_name(int(square)) for square in np.flatnonzero(row))


def assert_attacks_equal_reference(board: chess.Board) -> None:
    attacks, seen = attacks_on(board), mover_up(board)
    np.testing.assert_array_equal(attacks.direct[0], attack_matrix(seen), err_msg=board.fen())
    np.testing.assert_array_equal(attacks.through[0], through_matrix(seen), err_msg=board.fen())


@pytest.mark.parametrize(
    ("kind", "table"),
    [
        (chess.KNIGHT, geometry.KNIGHT),
        (chess.BISHOP, geometry.DIAGONAL),
        (chess.ROOK, geometry.ORTHOGONAL),
        (chess.KING, geometry.KING),
    ],
)
def test_tables_are_the_attacks_on_an_empty_board(kind: chess.PieceType, table: np.ndarray) -> None:
    for start in chess.SQUARES:
        board = chess.Board(None)
        board.set_piece_at(start, chess.Piece(kind, chess.WHITE))
        assert chess.SquareSet(np.flatnonzero(table[start]).tolist()) == board.attacks(start)


def test_pawns_attack_up_for_the_mover_and_down_for_the_opponent() -> None:
    for color, table in ((chess.WHITE, geometry.PAWN_UP), (chess.BLACK, geometry.PAWN_DOWN)):
        expected = [chess.SquareSet(chess.BB_PAWN_ATTACKS[color][square]).tolist() for square in range(64)]
        np.testing.assert_array_equal(table, expected)


def test_between_is_strictly_between() -> None:
    expected = [[chess.SquareSet.between(a, b).tolist() for b in range(64)] for a in range(64)]
    np.testing.assert_array_equal(geometry.BETWEEN, expected)


def test_a_rook_sees_through_one_man_only() -> None:
    #  8  . . . . k . . .
    #  4  R . p . P . . n
    #  1  . . . . K . . .
    attacks = attacks_on(chess.Board("4k3/8/8/8/R1p1P2n/8/8/4K3 w - - 0 1"))
    assert squares(attacks.direct[0, chess.A4]) == "a1 a2 a3 b4 c4 a5 a6 a7 a8"
    assert squares(attacks.through[0, chess.A4]) == "d4 e4"
    assert squares(attacks.direct[0, chess.C4]) == "b3 d3"  # the opponent's pawn goes down
    assert squares(attacks.direct[0, chess.E4]) == "d5 f5"


def test_counts_by_hand() -> None:
    #  3  . . . . . . . .
    #  2  . P . N . . . .
    #  1  . . R . K . . .   and a black bishop on a1, which attacks b2 only
    counts = attacker_counts(*attacks_on(chess.Board("7k/8/8/8/8/8/1P1N4/b1R1K3 w - - 0 1"))[:2])[0]
    on_a1, on_b1, on_c3 = (counts[:, :, square] for square in (chess.A1, chess.B1, chess.C3))
    assert on_a1.tolist() == [[0, 0, 0, 1, 0, 0], [0] * 6]
    assert on_b1.tolist() == [[0, 1, 0, 1, 0, 0], [0] * 6]
    assert on_c3.tolist() == [[1, 0, 0, 1, 0, 0], [0] * 6]


def test_castling_rooks_are_rooks() -> None:
    position = encode_position(chess.Board())[None]
    plain = np.where(abs(position) == 7, np.sign(position) * 4, position).astype(np.int8)
    np.testing.assert_array_equal(pieces_of(position), pieces_of(plain))
    assert pieces_of(position).sum(axis=(0, 3)).tolist() == [[8, 2, 2, 2, 1, 1]] * 2


def test_attacks_in_games_equal_those_of_real_pieces() -> None:
    for index, board in enumerate(varied_positions(2500, seed=6)):
        if index % 10 == 0:
            assert_attacks_equal_reference(board)


@given(ANY_SEED)
def test_attacks_of_any_placement_equal_those_of_real_pieces(seed: int) -> None:
    assert_attacks_equal_reference(random_placement(seed))


@given(ANY_SEED)
def test_counts_equal_the_attackers_of_every_square(seed: int) -> None:
    board = random_placement(seed)
    attacks, seen = attacks_on(board), mover_up(board)
    counts = attacker_counts(attacks.pieces, attacks.direct)[0]
    for row, color in enumerate((chess.WHITE, chess.BLACK)):
        for kind in chess.PIECE_TYPES:
            pieces = seen.pieces(kind, color)
            expected = [len(seen.attackers(color, square) & pieces) for square in chess.SQUARES]
            assert counts[row, kind - 1].tolist() == expected


def test_open_lines_are_what_a_queen_would_attack() -> None:
    for seed in range(40):
        board = random_placement(seed)
        np.testing.assert_array_equal(attacks_on(board).open_lines[0], open_line_matrix(mover_up(board)))


def test_boards_of_a_batch_do_not_mix() -> None:
    boards = [random_placement(seed) for seed in range(5)]
    together = attacks_on(*boards)
    for row, board in enumerate(boards):
        for batch, single in zip(together, attacks_on(board), strict=True):
            np.testing.assert_array_equal(batch[row], single[0])


def test_numpy_and_jax_agree_bit_for_bit() -> None:
    positions = np.stack([encode_position(random_placement(seed)) for seed in range(24)])
    for host, device in zip(attacks_of(positions), jax.jit(attacks_of)(positions), strict=True):
        assert host.dtype == device.dtype == np.float32
        np.testing.assert_array_equal(host, device)
