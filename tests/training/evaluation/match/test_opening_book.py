"""Openings: the built-in book is legal and without repeats; files and draws."""

import chess
import pytest

from training.evaluation.failures import EvaluationError
from training.evaluation.match.opening_book import (
    START,
    balanced_openings,
    draw_openings,
    parse_opening,
    start_and_random_openings,
)


def test_the_book_is_legal_and_every_line_ends_elsewhere() -> None:
    openings = balanced_openings()  # parsing checks that every move is legal
    assert len(openings) >= 100
    assert len({opening.board().epd() for opening in openings}) == len(openings)
    assert len({opening.name for opening in openings}) == len(openings)
    assert all(4 <= len(opening.moves) <= 12 for opening in openings)


def test_material_in_the_book_differs_by_three_pawns_at_most() -> None:
    worth = {chess.PAWN: 1, chess.KNIGHT: 3, chess.BISHOP: 3, chess.ROOK: 5, chess.QUEEN: 9, chess.KING: 0}
    for opening in balanced_openings():
        board = opening.board()
        pieces = board.piece_map().values()
        balance = sum(worth[p.piece_type] * (1 if p.color else -1) for p in pieces)
        assert abs(balance) <= 3, opening.name


def test_an_illegal_opening_is_refused() -> None:
    with pytest.raises(EvaluationError, match="'e2e5' at ply 3"):
        parse_opening("x", "d2d4 d7d5 e2e5")
    with pytest.raises(EvaluationError, match="leave a legal move"):
        parse_opening("x", "f2f3 e7e5 g2g4 d8h4")
    with pytest.raises(EvaluationError, match="got '0000' at ply 2"):
        parse_opening("x", "e2e4 0000")


def test_draws_repeat_only_after_the_book_is_used_up() -> None:
    book = balanced_openings()[:5]
    drawn = draw_openings(book, 12, seed=3)
    assert drawn == draw_openings(book, 12, seed=3)
    assert drawn != draw_openings(book, 12, seed=4)
    assert len(drawn) == 12
    for start in (0, 5):
        assert {opening.name for opening in drawn[start : start + 5]} == {o.name for o in book}


def test_start_and_random_openings_take_turns() -> None:
    openings = start_and_random_openings(6, max_plies=8, seed=1)
    assert openings[0::2] == [START] * 3
    assert all(1 <= len(opening.moves) <= 8 for opening in openings[1::2])
    assert all(any(opening.board().legal_moves) for opening in openings)
    assert openings == start_and_random_openings(6, max_plies=8, seed=1)
