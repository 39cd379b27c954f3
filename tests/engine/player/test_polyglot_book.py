import random
import struct
from collections import Counter
from pathlib import Path

import chess
import chess.polyglot
import pytest

from engine.player.polyglot_book import BookError, PolyglotBook


def write_book(path: Path, entries: list[tuple[chess.Board, str, int]]) -> Path:
    """Writes a Polyglot book: sorted records of key, move, weight, learn, big-endian."""
    records = []
    for board, text, weight in entries:
        move = chess.Move.from_uci(text)
        promotion = 0 if move.promotion is None else move.promotion - 1
        raw = move.to_square | move.from_square << 6 | promotion << 12
        records.append(struct.pack(">QHHI", chess.polyglot.zobrist_hash(board), raw, weight, 0))
    path.write_bytes(b"".join(sorted(records)))
    return path


@pytest.fixture
def book(tmp_path: Path) -> PolyglotBook:
    start = chess.Board()
    entries = [(start, "e2e4", 3), (start, "d2d4", 1), (start, "a2a3", 0), (start, "e2e5", 9)]
    return PolyglotBook(write_book(tmp_path / "book.bin", entries))


def test_moves_are_drawn_by_weight_and_illegal_ones_never(book: PolyglotBook) -> None:
    rng = random.Random(1)
    counts = Counter(str(book.choose(chess.Board(), (), rng)) for _ in range(400))
    assert set(counts) == {"e2e4", "d2d4"} and 250 < counts["e2e4"] < 350


def test_only_allowed_moves_are_proposed(book: PolyglotBook) -> None:
    allowed = [chess.Move.from_uci("d2d4"), chess.Move.from_uci("h2h4")]
    assert book.choose(chess.Board(), allowed, random.Random(1)) == allowed[0]
    assert book.choose(chess.Board(), allowed[1:], random.Random(1)) is None


def test_an_unknown_position_has_no_move_and_costs_no_random_number(book: PolyglotBook) -> None:
    rng = random.Random(1)
    assert book.choose(chess.Board("4k3/8/8/8/8/8/8/4K2R w K - 0 1"), (), rng) is None
    assert rng.random() == random.Random(1).random()


def test_castling_is_written_as_the_game_asks(tmp_path: Path) -> None:
    board = chess.Board("4k3/8/8/8/8/8/8/4K2R w K - 0 1")
    book = PolyglotBook(write_book(tmp_path / "castling.bin", [(board, "e1h1", 1)]))
    assert str(book.choose(board, (), random.Random())) == "e1g1"
    board.chess960 = True
    assert str(book.choose(board, (), random.Random())) == "e1h1"


def test_what_is_no_book_is_refused_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "odd.bin").write_bytes(b"17 bytes, no book")
    for name in ("missing.bin", "odd.bin", "."):
        with pytest.raises(BookError, match="^expected a Polyglot book for BookFile, got [^\n]*$"):
            PolyglotBook(tmp_path / name)


def test_an_empty_file_is_no_book(tmp_path: Path) -> None:
    (tmp_path / "empty.bin").write_bytes(b"")
    with pytest.raises(BookError, match="its size is not that of a book"):
        PolyglotBook(tmp_path / "empty.bin")
