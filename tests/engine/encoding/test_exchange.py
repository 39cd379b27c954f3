"""Static exchange values against plain recursion, and exchanges worked by hand."""

import chess
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.encoding.attacks import attacker_counts, attacks_of
from engine.encoding.exchange import CAPTURES, PIECE_VALUES, exchange_values
from engine.encoding.position import encode_position
from tests.reference.random_games import random_placement
from tests.reference.swap_off import WORTH, arrival_value

# How many pieces of each kind attack a square: more than any game shows.
ATTACKERS = st.lists(st.integers(0, 3), min_size=6, max_size=6)


def values_on(board: chess.Board, side: int = 0) -> np.ndarray:
    """Returns `[6, S]`; the side to move is side 0."""
    attacks = attacks_of(encode_position(board)[None])
    return exchange_values(attacker_counts(attacks.pieces, attacks.direct), attacks.pieces)[0, side]


def kinds(counts: list[int]) -> list[int]:
    return [kind for kind, count in enumerate(counts, start=1) for _ in range(count)]


def test_both_agree_on_what_men_are_worth() -> None:
    assert dict(enumerate(PIECE_VALUES, start=1)) == WORTH


@pytest.mark.parametrize(
    ("fen", "kind", "square", "value"),
    [
        # A pawn that nobody guards.
        ("4k3/8/8/3p4/8/8/8/3RK3 w - - 0 1", chess.ROOK, chess.D5, 1),
        # Guarded by a pawn: rook for pawn; but a pawn may take it.
        ("4k3/8/4p3/3p4/4P3/8/8/3RK3 w - - 0 1", chess.ROOK, chess.D5, 1 - 5 + 1),
        ("4k3/8/4p3/3p4/8/8/8/3RK3 w - - 0 1", chess.ROOK, chess.D5, 1 - 5),
        ("4k3/8/4p3/3p4/4P3/8/8/4K3 w - - 0 1", chess.PAWN, chess.D5, 0),
        # Knight takes knight, pawn takes back, and the bishop does not: it would be lost for a pawn.
        ("4k3/3p4/4p3/3n4/8/2N5/6B1/4K3 w - - 0 1", chess.KNIGHT, chess.D5, 0 + 1),
        ("4k3/2pp4/4p3/3n4/8/2N5/6B1/4K3 w - - 0 1", chess.BISHOP, chess.D5, 3 - 3 + 1),
        # The king may take what is not guarded, and loses itself where it is.
        ("4k3/8/8/8/8/8/3q4/4K3 w - - 0 1", chess.KING, chess.D2, 9),
        ("3rk3/8/8/8/8/8/3q4/4K3 w - - 0 1", chess.KING, chess.D2, 9 - 30),
        # A queen that goes to a square a pawn attacks is lost, unless she takes something.
        ("4k3/8/4p3/8/8/8/8/3QK3 w - - 0 1", chess.QUEEN, chess.D5, -9),
        ("4k3/8/4p3/3r4/8/8/8/3QK3 w - - 0 1", chess.QUEEN, chess.D5, 5 - 9),
        # Pushing a pawn takes no guard away from the square: the rook behind it still guards.
        ("4k3/8/8/4n3/8/3P4/8/3RK3 w - - 0 1", chess.PAWN, chess.D4, 0),
        # The knight takes the pushed pawn on c4; d3 is not pushed there but guards it.
        ("4k3/8/8/4n3/8/2PP4/8/4K3 w - - 0 1", chess.PAWN, chess.C4, 0),
        ("4k3/8/8/4n3/8/2P5/8/4K3 w - - 0 1", chess.PAWN, chess.C4, -1),
        # X-rays are not seen: the second rook does not guard d5 through the first.
        ("3rk3/8/8/3p4/8/8/3R4/3RK3 w - - 0 1", chess.ROOK, chess.D5, 1 - 5),
    ],
)
def test_exchanges_by_hand(fen: str, kind: int, square: int, value: float) -> None:
    assert values_on(chess.Board(fen))[kind - 1, square] == value


def test_own_men_are_not_captured() -> None:
    board = chess.Board("4k3/8/8/8/8/8/3Q4/3RK3 w - - 0 1")
    assert values_on(board)[chess.ROOK - 1, chess.D2] == 0


def test_the_opponent_s_exchanges_are_those_of_the_mirrored_board() -> None:
    for seed in range(15):
        board = random_placement(seed)
        turned = board.copy()
        turned.turn = not board.turn
        as_opponent = values_on(board, side=1).reshape(6, 8, 8)[:, ::-1].reshape(6, 64)
        np.testing.assert_array_equal(as_opponent, values_on(turned, side=0))


@pytest.mark.parametrize("knights", range(CAPTURES + 3))
def test_captures_after_the_arrival_are_cut_off(knights: int) -> None:
    # A rook arrives where a knight stands, and each side has equally many knights to take with.
    pieces, counts = np.zeros((1, 2, 6, 64), np.float32), np.zeros((1, 2, 6, 64), np.float32)
    pieces[0, 1, 1] = 1
    counts[0, :, 1] = knights
    takers = [2] * knights
    expected = arrival_value(3.0, chess.ROOK, takers, takers, CAPTURES)
    assert exchange_values(counts, pieces)[0, 0, chess.ROOK - 1, 0] == expected


@given(own=ATTACKERS, theirs=ATTACKERS, victim=st.integers(0, 6), side=st.integers(0, 1))
def test_values_equal_plain_recursion(own: list[int], theirs: list[int], victim: int, side: int) -> None:
    counts, pieces = np.zeros((1, 2, 6, 1), np.float32), np.zeros((1, 2, 6, 1), np.float32)
    counts[0, side, :, 0], counts[0, 1 - side, :, 0] = own, theirs
    if victim:
        pieces[0, 1 - side, victim - 1] = 1
    captured = WORTH.get(victim, 0.0)
    expected = [arrival_value(captured, k, kinds(own), kinds(theirs), CAPTURES) for k in chess.PIECE_TYPES]
    assert exchange_values(counts, pieces)[0, side, :, 0].tolist() == expected
