"""Openings from files: lines of moves, PGN, EPD; what is chosen from a book."""

from pathlib import Path

import chess
import pytest

from training.evaluation.failures import EvaluationError
from training.evaluation.match.opening_book import chess960_starts
from training.evaluation.match.opening_choice import OpeningChoice, choose_openings
from training.evaluation.match.opening_file import read_openings


def test_openings_are_read_line_by_line(tmp_path: Path) -> None:
    file = tmp_path / "book.txt"
    file.write_text("e2e4 e7e5\n\nd2d4\n")
    assert [len(opening.moves) for opening in read_openings(file)] == [2, 1]
    file.write_text("e2e4\ne2e4 e7e4\n")
    with pytest.raises(EvaluationError, match=r"book.txt, line 2: .*'e7e4'"):
        read_openings(file, strict=True)
    assert len(read_openings(file)) == 1
    file.write_text("\n")
    with pytest.raises(EvaluationError, match="at least one opening"):
        read_openings(file)
    with pytest.raises(EvaluationError, match="expected a file of"):
        read_openings(tmp_path / "absent.txt")


def test_pgn_openings_have_their_moves_names_and_positions(tmp_path: Path) -> None:
    file = tmp_path / "book.pgn"
    fen = "4k3/8/8/8/8/8/4P3/4K3 w - - 0 1"
    file.write_text('[Opening "Open Game"]\n\n1. e4 e5 2. Nf3 *\n\n' + f'[SetUp "1"]\n[FEN "{fen}"]\n\n1. e4 *\n')
    named, placed = read_openings(file)
    assert (named.name, named.start_fen, len(named.moves)) == ("Open Game", None, 3)
    assert (placed.name, placed.start_fen) == ("book.pgn game 2", fen)
    assert placed.board().piece_at(chess.E4) is not None
    assert [len(opening.moves) for opening in read_openings(file, plies=2)] == [2, 1]
    file.write_text("1. e4 e5 2. Nd4 *\n")
    with pytest.raises(EvaluationError, match=r"book.pgn, line 1, game 1: expected legal moves, got Nd4"):
        read_openings(file, strict=True)


def test_epd_openings_are_positions(tmp_path: Path) -> None:
    file = tmp_path / "book.epd"
    epd = "rnbqkbnr/pppp1ppp/8/4p3/4P3/8/PPPP1PPP/RNBQKBNR w KQkq -"
    file.write_text(f'{epd} hmvc 0; id "open";\n{epd} 4 7\n{epd}\n')
    boards = [opening.board() for opening in read_openings(file)]
    assert [board.fullmove_number for board in boards] == [1, 7, 1]
    assert {board.epd() for board in boards} == {epd}
    for wrong in (
        "rnbqkbnr w",
        "4k3/8/8/8/8/8/8/4K2q w - - 0 1\n4k3/8/8/8/8/8/8/8 w - -",
        "7k/5Q2/6K1/8/8/8/8/8 b - -",
    ):
        file.write_text(wrong)
        with pytest.raises(EvaluationError, match="expected .*position"):
            read_openings(file, strict=True)


def test_chess960_openings_castle_by_their_rules(tmp_path: Path) -> None:
    file = tmp_path / "book.epd"
    file.write_text("bqnb1rkr/pppppppp/8/8/8/8/PPPPPPPP/BQNB1RKR w HFhf -\n")
    (opening,) = read_openings(file, chess960=True)
    assert opening.board().chess960
    assert opening.board().has_castling_rights(chess.WHITE)


def test_chess960_starts_from_its_own_positions() -> None:
    openings, described = choose_openings(OpeningChoice(chess960=True), 4)
    assert described["book_openings"] == 960 and all(opening.chess960 for opening in openings)
    book = chess960_starts()
    assert len({opening.start_fen for opening in book}) == 960
    assert book[518].start_fen == chess.STARTING_FEN  # the usual position has this number


def test_more_games_add_openings_at_the_end() -> None:
    few, described = choose_openings(OpeningChoice(seed=4), 6)
    many, more = choose_openings(OpeningChoice(seed=4), 600)
    assert many[:3] == few
    assert described == more
    assert choose_openings(OpeningChoice(seed=5), 6)[0] != few
    with pytest.raises(EvaluationError, match="even number of games"):
        choose_openings(OpeningChoice(), 3)


def test_openings_in_order_start_over_at_the_end_of_the_book(tmp_path: Path) -> None:
    file = tmp_path / "book.txt"
    file.write_text("e2e4\nd2d4\n")
    openings, described = choose_openings(OpeningChoice(file=file, in_order=True), 6)
    assert [opening.moves[0].uci() for opening in openings] == ["e2e4", "d2d4", "e2e4"]
    assert (described["book"], described["book_openings"], described["order"]) == ("book.txt", 2, "book")
