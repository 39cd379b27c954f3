"""What pieces threaten, by hand; every group is compared with python-chess in test_square_features."""

import chess
import numpy as np

from engine.encoding.attacks import attacker_counts, attacks_of
from engine.encoding.exchange import exchange_values
from engine.encoding.position import encode_position
from engine.encoding.threats import Threats, threats_of


def threats(fen: str) -> Threats:
    attacks = attacks_of(encode_position(chess.Board(fen))[None])
    counts = attacker_counts(attacks.pieces, attacks.direct)
    return Threats(*(fact[0] for fact in threats_of(attacks, counts, exchange_values(counts, attacks.pieces))))


def test_a_knight_forks_from_the_square_where_both_are_within_reach() -> None:
    #  8  r . . . k . . .      From c7 a knight would attack the rook a8 and the king;
    #  7  . . . . . . . .      only the rook is worth anything, the check is a fact of its own.
    #  6  . q . . . . . .      From d5 it would attack the queen, from c4 too.
    found = threats("r3k3/8/1q6/8/8/8/8/4K1N1 w - - 0 1").attacks[0, 1]
    assert (found[chess.C7], found[chess.D5], found[chess.C4], found[chess.E4]) == (5, 9, 9, 0)


def test_a_defended_man_is_only_worth_the_difference() -> None:
    # The pawn guards the rook: a bishop wins the exchange (5 - 3), a rook nothing, and a queen less than nothing.
    found = threats("4k3/2p5/3r4/8/8/8/8/4K3 w - - 0 1").attacks[0]
    assert (found[2, chess.F4], found[3, chess.D1], found[4, chess.D1]) == (2, 0, 0)


def test_guards_count_what_is_in_danger() -> None:
    #  The rook d8 attacks the loose knight d4; a rook on a4 or a pawn on e3 would guard it, a pawn on d3 would not.
    found = threats("3rk3/8/8/8/3N4/8/8/4K3 w - - 0 1").guards[0]
    assert (found[3, chess.A4], found[0, chess.E3], found[0, chess.D3]) == (3, 3, 0)


def test_the_only_guard_leaves_what_it_guards() -> None:
    # The bishop b2 alone guards the knight d4 against the rook; the pawn a2 guards nothing that is attacked.
    found = threats("3rk3/8/8/8/3N4/8/PB6/4K3 w - - 0 1").leaves[0]
    assert (found[chess.B2], found[chess.A2]) == (3, 0)


def test_the_man_in_between_screens_what_is_behind_it() -> None:
    # The rook a1 looks through the pawn a4 at the queen a8, and through the knight c1 at the loose bishop f1.
    found = threats("q3k3/8/8/8/P7/8/8/R1N2b1K w - - 0 1").screens[0]
    assert (found[chess.A4], found[chess.C1], found.sum()) == (9, 3, 12)


def test_a_queen_beside_the_king_leaves_it_no_square() -> None:
    # The king h8 may go to g8 and h7 (g7 is attacked by the rook g1 as g8 is: only h7 is left).
    free = threats("7k/8/8/8/8/8/8/K5R1 w - - 0 1").flights[0]
    assert (free[4, chess.A8], free[3, chess.A7], free[3, chess.H1]) == (1, 0, 0)
    assert free[5, chess.A1] == 1


def test_mobility_counts_squares_and_the_safe_ones_among_them() -> None:
    # A knight on a1 reaches b3 and c2; the pawn a4 guards b3.
    found = threats("4k3/8/8/8/p7/8/8/N3K3 w - - 0 1")
    assert (found.mobility[chess.A1], found.safe_mobility[chess.A1]) == (2, 1)
    assert np.all(found.safe_mobility <= found.mobility)
