"""Reading positions of files: each format, shares, random moves away, division among processes."""

import lzma
from pathlib import Path

import chess
import pytest

from engine.files.skipped_entries import EntryFault, Skipped
from engine.files.text_file import FileError
from tests.doubles.scripted_worker import scripted_worker
from tests.reference.random_games import varied_positions
from training.labels.label_source import KnownPositions, LabelWorker, position_key
from training.labels.position_files import Item, PositionFiles, read_items

CHESS960 = "bqnb1rkr/pppppppp/8/8/8/8/PPPPPPPP/BQNB1RKR"
AFTER_E4 = "rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq - 0 1"


def first_is_best(fen: str) -> dict[str, float]:
    moves = sorted(move.uci() for move in chess.Board(fen).legal_moves)
    return {move: 1.0 - 0.01 * place for place, move in enumerate(moves)}


def worker(number: int = 0, processes: int = 1) -> LabelWorker:
    return scripted_worker(first_is_best, number=number, processes=processes)


def fens(path: Path, part: int = 0, parts: int = 1) -> list[tuple[int, list[str]]]:
    items = [item for item in read_items(path, part, parts) if isinstance(item, Item)]
    return [(item.number, [board.fen() for board in item.boards]) for item in items]


def test_a_line_is_a_fen_or_an_epd(tmp_path: Path) -> None:
    path = tmp_path / "some.epd"
    path.write_text(
        f"# a comment\n{AFTER_E4}\n\n8/8/4k3/8/8/4K3/4P3/8 w - - bm e2e4; id x\n8/8/4k3/8/8/4K3/4P3/8 b - - 7 9"
    )
    kept = "8/8/4k3/8/8/4K3/4P3/8"
    assert fens(path) == [(2, [AFTER_E4]), (4, [f"{kept} w - - 0 1"]), (5, [f"{kept} b - - 7 9"])]
    assert [number for number, _ in fens(path, 1, 2)] == [5]
    packed = tmp_path / "some.fen.xz"
    packed.write_bytes(lzma.compress(path.read_bytes()))
    assert fens(packed) == fens(path)


def test_a_puzzle_is_every_position_after_the_set_up_move(tmp_path: Path) -> None:
    path = tmp_path / "puzzles.csv"
    path.write_text(f"PuzzleId,FEN,Moves,Rating,Themes\nabc,{chess.STARTING_FEN},e2e4 e7e5 g1f3 b8c6,1500,short\n")
    board, expected = chess.Board(), []
    for uci in ("e2e4", "e7e5", "g1f3", "b8c6"):
        board.push_uci(uci)
        expected.append(board.fen())
    assert fens(path) == [(2, expected)]


def test_labels_are_read_for_their_positions(tmp_path: Path) -> None:
    path = tmp_path / "old.tsv"
    path.write_text(f"1.0.1\t{AFTER_E4}\tzz\n1.0.1\t{chess.STARTING_FEN}\tzz\n")
    assert fens(path) == [(1, [AFTER_E4]), (2, [chess.STARTING_FEN])]
    # Positions of one game still belong together.
    assert [item.group for item in read_items(path, 0, 1) if isinstance(item, Item)] == ["1.0.1", "1.0.1"]


def test_a_game_is_its_main_line(tmp_path: Path) -> None:
    path = tmp_path / "games.pgn"
    path.write_text(
        '[Event "a"]\n\n1. e4 (1. d4 d5) 1... e5 *\n\n[Event "b"]\n\n1. c4 *\n\n[Event "c"]\n\n1. f4 f5 *\n'
    )
    assert [(number, len(boards)) for number, boards in fens(path)] == [(1, 3), (2, 2), (3, 3)]
    assert fens(path)[0][1][1] == AFTER_E4
    parts = [fens(path, part, 3) for part in range(3)]
    assert sorted(item for part in parts for item in part) == sorted(fens(path))


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("x.epd", "8/8/8 w\n", "x.epd, line 1: expected a position as FEN or EPD, got '8/8/8 w'"),
        ("x.epd", "8/8/8/8/8/8/8/8 w - - 0 1\n", "x.epd, line 1: expected a legal position"),
        ("x.csv", "abc,fen\n", "x.csv, line 1: expected a header with FEN and Moves"),
        ("x.csv", "abc,def\n", "x.csv, line 1: expected a puzzle as PuzzleId,FEN,Moves"),
        (
            "x.csv",
            f"abc,{chess.STARTING_FEN},e2e5 e7e5\n",
            "x.csv, line 1: expected a legal opponent move, got illegal uci",
        ),
        ("x.tsv", "group\n", "x.tsv, line 1: expected a label"),
        ("x.pgn", "1. e5 *\n", "x.pgn, line 1, game 1: expected legal moves"),
        ("x.pgn", "1. e4 Zz9 *\n", "x.pgn, line 1, game 1: expected legal moves, got Zz9"),
        ("x.epd.xz", "no xz", "x.epd.xz, line 1: expected a position as FEN or EPD"),
        ("x.epd", f"{CHESS960} w HFhf - 0 1", "x.epd, line 1: expected castling as in chess, got that of Chess960"),
        (
            "x.pgn",
            f'[Variant "Chess960"]\n[FEN "{CHESS960} w HFhf - 0 1"]\n\n1. e4 *',
            "x.pgn, line 1, game 1: expected castling as in chess, got that of Chess960",
        ),
    ],
)
def test_what_is_no_position_is_one_line(name: str, text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(text)
    (fault,) = read_items(path, 0, 1)
    assert isinstance(fault, EntryFault) and said in str(fault) and "\n" not in str(fault)
    with pytest.raises(FileError):
        list(PositionFiles(paths=(path,)).games(worker()))
    passed: list[Skipped] = []
    assert not list(PositionFiles(paths=(path,)).games(scripted_worker(first_is_best, skip=passed.append)))
    assert passed == [fault]


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.pgn"
    path.write_bytes(lzma.compress(b"1. e4 *\n" * 1000)[:-50])
    with pytest.raises(FileError, match=r"expected a readable file of games, got .*x\.pgn: "):
        list(read_items(path, 0, 1))


def test_positions_of_chess960_are_taken_once_nobody_may_castle(tmp_path: Path) -> None:
    path = tmp_path / "x.pgn"
    path.write_text(f'[Variant "Chess960"]\n[FEN "{CHESS960} w HFhf - 0 1"]\n\n1. Re1 Re8 2. Kf1 Kf8 *')
    ((_, found),) = fens(path)
    assert found == ["bqnbrk1r/pppppppp/8/8/8/8/PPPPPPPP/BQNBRK1R w - - 4 3"]


def test_a_share_is_taken_and_some_are_left_by_one_move(tmp_path: Path) -> None:
    path = tmp_path / "many.epd"
    lines = [board.fen(en_passant="legal") for board in varied_positions(200, 1) if board.legal_moves.count() > 1]
    path.write_text("\n".join(lines))
    given = {position_key(fen) for fen in lines}
    source = PositionFiles(paths=(path,), share=0.5, aside=0.4)
    visits = [visit for game in source.games(worker()) for visit in game.visits]
    aside = [visit for visit in visits if position_key(visit.fen) not in given]
    assert 70 < len(visits) < 130 and 20 < len(aside) < 60
    one_away = set()
    for fen in lines:
        board = chess.Board(fen)
        for move in list(board.legal_moves):
            board.push(move)
            one_away.add(position_key(board.fen(en_passant="legal")))
            board.pop()
    assert all(position_key(visit.fen) in one_away for visit in aside)
    split = [visit for part in (0, 1) for game in source.games(worker(part, 2)) for visit in game.visits]
    assert {visit.fen for visit in split} == {visit.fen for visit in visits}


def test_known_positions_and_forced_moves_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "few.epd"
    forced = "7k/8/8/8/8/8/1r6/K7 w - - 0 1"
    path.write_text(f"{AFTER_E4}\n{forced}\n8/8/4k3/8/8/4K3/4P3/8 w - - 0 1\n{AFTER_E4}\n")
    known = KnownPositions([position_key("8/8/4k3/8/8/4K3/4P3/8 w - - 3 9")])
    asked = scripted_worker(first_is_best, known=known)
    games = list(PositionFiles(paths=(path,)).games(asked))
    assert [(game.group, [visit.fen for visit in game.visits]) for game in games] == [("1.@few.1", [AFTER_E4])]
    assert games[0].visits[0].values[0] == 1.0 and len(games[0].visits[0].values) == 20


def test_known_positions_grow() -> None:
    known = KnownPositions([5, 2**64 - 1, 7])
    assert 5 in known and 2**64 - 1 in known and 6 not in known and len(known) == 3
    assert known.add(6) and not known.add(6) and not known.add(7) and 6 in known and len(known) == 4
    assert 6 not in KnownPositions()
