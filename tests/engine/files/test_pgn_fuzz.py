"""Games in every form that is written, and damaged ones: right positions or none, never others."""

import io
import random

import chess
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.files.pgn_games import PgnGame, games_of_text
from engine.files.text_file import decoded_blocks
from tests.doubles.written_games import damaged, random_board, written_game
from tests.reference.strict_pgn import strict_games

Played = tuple[str, tuple[str, ...]]


def read(text: str) -> list[Played]:
    """Returns start and moves of the games that are read."""
    games = [game for game in games_of_text([text], "x.pgn") if isinstance(game, PgnGame)]
    return [(game.start.fen(), tuple(move.uci() for move in game.moves)) for game in games]


def as_bytes(rng: random.Random, text: str) -> bytes:
    """Returns a text in an encoding with line ends drawn at random."""
    text = text.replace("\n", rng.choice(("\n", "\r\n", "\r")))
    encoding = rng.choice(("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"))
    return text.encode() if encoding == "cp1252" and "‑" in text else text.encode(encoding)


def played(board: chess.Board) -> Played:
    return board.root().fen(), tuple(move.uci() for move in board.move_stack)


@given(st.integers(0, 2**32), st.integers(1, 3))
def test_games_in_any_mixture_of_forms_read_back_as_themselves(seed: int, games: int) -> None:
    rng = random.Random(seed)
    boards = [random_board(rng, rng.randint(1, 40)) for _ in range(games)]
    text = "\n\n".join(written_game(rng, board) for board in boards)
    decoded = "".join(decoded_blocks(io.BytesIO(as_bytes(rng, text))))
    assert read(decoded) == [played(board) for board in boards if board.move_stack], text


def check_damaged(seed: int, count: int) -> int:
    """Returns how many games of damaged texts were read, all as a strict reader does."""
    rng = random.Random(seed)
    pool = [random_board(rng, rng.randint(1, 24)) for _ in range(min(count, 300))]
    found = 0
    for _ in range(count):
        text = damaged(rng, "".join(written_game(rng, board) for board in rng.choices(pool, k=rng.randint(1, 3))))
        games = [game for game in read(text) if game[1]]
        understood = strict_games(text) if games else []
        assert all(game in understood for game in games), text
        found += len(games)
    return found


def test_damaged_games_give_their_positions_or_none() -> None:
    assert check_damaged(1, 150) > 100


@pytest.mark.slow
def test_many_damaged_games_give_their_positions_or_none() -> None:
    assert check_damaged(2, 10_000) > 5_000
