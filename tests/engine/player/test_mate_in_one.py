"""The quick search for mating moves against trying every move."""

import random

import chess
import pytest

from engine.player.mate_in_one import mating_move, mating_moves


def by_trying_all(board: chess.Board) -> list[chess.Move]:
    found = []
    for move in board.legal_moves:
        after = board.copy()
        after.push(move)
        if after.is_checkmate():
            found.append(move)
    return found


@pytest.mark.parametrize(
    ("fen", "mates"),
    [
        ("6k1/5ppp/8/8/8/8/8/R5K1 w - - 0 1", ["a1a8"]),
        ("k7/2P5/1K6/8/8/8/8/8 w - - 0 1", ["c7c8q", "c7c8r"]),  # promotions
        ("8/8/8/8/8/7R/R7/3k1K2 w - - 0 1", []),
        ("4rkr1/R3p1p1/8/8/8/8/8/4K2R w K - 0 1", ["e1g1", "h1f1"]),  # castling
    ],
)
def test_named_cases(fen: str, mates: list[str]) -> None:
    board = chess.Board(fen)
    assert [move.uci() for move in by_trying_all(board)] == [m.uci() for m in mating_moves(board, board.legal_moves)]
    assert sorted(move.uci() for move in mating_moves(board, board.legal_moves)) == mates
    assert board.fen() == fen


def test_random_games_agree_with_trying_every_move() -> None:
    chance = random.Random(5)
    found = 0
    for _ in range(4):
        board = chess.Board()
        while not board.is_game_over() and board.ply() < 120:
            mates = by_trying_all(board)
            assert list(mating_moves(board, board.legal_moves)) == mates
            assert mating_move(board, board.legal_moves) == (mates[0] if mates else None)
            found += len(mates)
            board.push(chance.choice(list(board.legal_moves)))
    assert found > 0
