"""Games played together against the same games played one by one by python-chess."""

import random

import chess
import pytest

from engine.files.batch_moves import LONGEST, play_batch
from engine.files.pgn_games import PgnGame, games_of_text
from engine.files.pgn_splitter import split_games
from engine.files.written_moves import MoveError, play_words


def special_game(rng: random.Random, plies: int) -> chess.Board:
    """Returns a game of random moves in which castling, en passant and promotions are frequent."""
    board = chess.Board()
    for _ in range(plies):
        moves = sorted(board.legal_moves, key=chess.Move.uci)
        if not moves:
            break
        special = [m for m in moves if board.is_castling(m) or board.is_en_passant(m) or m.promotion]
        board.push(rng.choice(special if special and rng.random() < 0.5 else moves))
    return board


def words_of(board: chess.Board) -> list[str]:
    replay, words = board.root(), []
    for move in board.move_stack:
        words += [f"{replay.fullmove_number}."] if replay.turn else []
        words.append(replay.san(move))
        replay.push(move)
    return [*words, "*"]


def test_moves_are_those_of_python_chess() -> None:
    rng = random.Random(1)
    boards = [special_game(rng, rng.randint(0, 160)) for _ in range(300)]
    assert play_batch([words_of(board) for board in boards]) == [tuple(board.move_stack) for board in boards]


def test_what_is_wrong_is_left_to_the_slow_reader_and_never_played_otherwise() -> None:
    rng = random.Random(2)
    games = []
    for _ in range(400):
        words = words_of(special_game(rng, rng.randint(1, 80)))
        place, other = rng.randrange(len(words)), rng.randrange(len(words))
        words[place] = rng.choice((words[other], words[place][:-1] or "x", "--", "N", "!", "O-O", "e8=Q", "1...", "e4"))
        games.append(words)
    played = 0
    for words, moves in zip(games, play_batch(games), strict=True):
        try:
            expected = tuple(play_words(chess.Board(), [(1, words)]))
        except MoveError:
            assert moves is None, words
        else:
            assert moves in (None, expected), words
            played += moves is not None
    assert played > 40


def test_a_plain_game_behind_a_broken_tag_is_no_game_of_its_own() -> None:
    text = '[FEN "8/8/4k3/8/8/4K3/4P3/8 w - - 0 1\n[Site "?"]\n\n1. e4 *\n\n[Event "b"]\n\n1. d4 *\n'
    first, second = games_of_text([text], "x.pgn")
    assert str(first).startswith("x.pgn, line 1, game 1: expected a tag as") and isinstance(second, PgnGame)


def test_uncommon_and_long_games_are_left_to_the_slow_reader() -> None:
    knights = ["Nf3", "Nf6", "Ng1", "Ng8"] * (LONGEST // 4 + 1)
    assert play_batch([["e2e4"], ["e4", "e5"], knights, []]) == [
        None,
        (chess.Move(12, 28), chess.Move(52, 36)),
        None,
        (),
    ]


@pytest.mark.parametrize("comment", ["", " {[%clk 0:01:02]}"])
def test_plain_games_are_split_as_others_are(comment: str) -> None:
    rng = random.Random(3)
    texts = []
    for number in range(150):
        words = words_of(special_game(rng, rng.randint(0, 30)))
        if rng.random() < 0.1:
            words[rng.randrange(len(words))] = rng.choice(("Zz9", "1-0", "e5"))
        moves = "".join(word + rng.choice((f"{comment} ", "\n")) for word in words)
        texts.append(f'[Event "{number}"]\n[Site "?"]\n\n{moves}{rng.choice(("", chr(10)))}\n\n')
    plain = "".join(texts)
    others = plain.replace('"]\n', '"] \n')  # which is not the plain form
    split = [list(split_games([text])) for text in (plain, others)]
    assert split[0] == split[1] and len(split[0]) >= 150
    read = [list(games_of_text([text], "x.pgn")) for text in (plain, others)]
    assert [str(entry) for entry in read[0]] == [str(entry) for entry in read[1]]
    assert 50 < sum(isinstance(entry, PgnGame) for entry in read[0])
