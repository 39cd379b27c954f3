"""With the real tables of three men, in tests/reference/syzygy."""

import os
import shutil
from pathlib import Path

import chess
import pytest

from engine.player.choice import ranked_moves
from engine.player.endgame_tables import EndgameTables, MissingFoldersError, TablesError, Verdict, best_by_tables
from engine.player.player import Player, Request
from tests.doubles.fake_evaluator import FakeEvaluator

TABLES = Path(__file__).resolve().parents[2] / "reference" / "syzygy"


@pytest.fixture(scope="module")
def tables() -> EndgameTables:
    return EndgameTables(str(TABLES))


def _best(tables: EndgameTables, board: chess.Board) -> set[str]:
    ranked = ranked_moves(FakeEvaluator().evaluate([board])[0])
    return {move.uci() for move in best_by_tables(ranked, tables.verdicts(board))}


def test_the_winning_moves_of_a_pawn_ending_are_found(tables: EndgameTables) -> None:
    board = chess.Board("4k3/8/4K3/4P3/8/8/8/8 w - - 0 1")
    winning = {move.uci() for move, verdict in tables.verdicts(board).items() if verdict.outcome == 2}
    assert winning == {"e6d6", "e6f6"}
    assert _best(tables, board) <= winning


def test_a_queen_wins_unless_it_is_lost_or_stalemates(tables: EndgameTables) -> None:
    board = chess.Board("7k/5K2/8/6Q1/8/8/8/8 w - - 0 1")
    for move, verdict in tables.verdicts(board).items():
        board.push(move)
        lost = any(board.is_capture(reply) for reply in board.legal_moves)
        assert (verdict.outcome == 0) == (lost or board.is_stalemate()), move
        assert verdict.wdl == ((0.0, 1.0, 0.0) if verdict.outcome == 0 else (1.0, 0.0, 0.0))
        assert (verdict == Verdict(2, 1)) == board.is_checkmate()
        board.pop()


def test_the_losing_side_takes_a_draw_or_holds_out(tables: EndgameTables) -> None:
    assert _best(tables, chess.Board("8/8/8/8/8/2k5/1R6/3K4 b - - 0 1")) == {"c3b2"}
    board = chess.Board("8/8/8/3k4/8/8/1R6/3K4 b - - 0 1")
    plies = {move.uci(): verdict.plies for move, verdict in tables.verdicts(board).items()}
    assert _best(tables, board) == {move for move in plies if plies[move] == max(plies.values())}
    assert len(set(plies.values())) > 1


def test_a_win_that_the_clock_no_longer_allows_is_a_draw(tables: EndgameTables) -> None:
    won = chess.Board("8/8/8/8/8/2k5/8/KR6 w - - 0 1")
    late = chess.Board("8/8/8/8/8/2k5/8/KR6 w - - 90 60")
    assert {verdict.outcome for verdict in tables.verdicts(won).values()} <= {2, 0}
    verdicts = tables.verdicts(late).values()
    assert max(verdict.outcome for verdict in verdicts) == 1
    assert all(verdict.wdl == (0.0, 1.0, 0.0) for verdict in verdicts)


@pytest.mark.parametrize(
    "fen",
    [
        chess.STARTING_FEN,
        "4k3/8/8/8/8/8/8/R3K3 w Q - 0 1",  # castling rights
        "4k3/8/8/8/8/8/8/RR2K3 w - - 0 1",  # four men
        "8/8/8/8/8/k7/pK6/1B6 w - - 0 1",  # a table that is not there
    ],
)
def test_where_the_tables_do_not_know_every_move_they_say_nothing(tables: EndgameTables, fen: str) -> None:
    assert tables.verdicts(chess.Board(fen)) == {}


def test_without_verdicts_every_move_is_kept() -> None:
    moves = list(chess.Board().legal_moves)
    assert best_by_tables(moves, {}) == moves


def test_winning_is_done_quickly_and_losing_slowly() -> None:
    first, second, third = list(chess.Board().legal_moves)[:3]

    def best(*verdicts: tuple[int, int]) -> list[chess.Move]:
        moves = [first, second, third]
        return best_by_tables(moves, dict(zip(moves, (Verdict(*each) for each in verdicts), strict=True)))

    assert best((2, 5), (2, 3), (1, 1)) == [second]
    assert best((-2, 5), (-2, 9), (-2, 9)) == [second, third]
    assert best((0, 0), (-1, 9), (0, 0)) == [first, third]
    assert best((1, 101), (0, 0), (-2, 3)) == [first]


@pytest.mark.parametrize(
    "fen", ["8/8/8/3k4/8/8/8/KR6 w - - 0 1", "8/8/8/3k4/8/8/8/KQ6 w - - 0 1", "8/8/3k4/8/3K4/8/3P4/8 w - - 0 1"]
)
def test_a_player_with_tables_mates_whatever_the_network_says(tables: EndgameTables, fen: str) -> None:
    board = chess.Board(fen)
    player = Player(FakeEvaluator(wdl=(0.1, 0.2, 0.7)))
    request = Request(tables=tables, temperature=1.0)
    while not board.is_game_over(claim_draw=True):
        thought = player.think(board, request)
        assert thought.tablebase_hits == board.legal_moves.count()
        expected = (1.0, 0.0, 0.0) if board.turn == chess.WHITE else (0.0, 0.0, 1.0)
        assert tuple(thought.lines[0].wdl_to_move) == expected
        board.push(thought.move)
    assert board.is_checkmate() and board.turn == chess.BLACK


def test_folders_without_tables_are_refused_with_one_line(tmp_path: Path) -> None:
    none = str(tmp_path / "none")
    for folders in (str(tmp_path), f"{none}{os.pathsep}{tmp_path}"):
        with pytest.raises(TablesError, match="^expected a folder with Syzygy tables for SyzygyPath, got [^\n]*$"):
            EndgameTables(folders)
    with pytest.raises(MissingFoldersError, match="^SyzygyPath [^\n]* does not exist; no endgame tables are used$"):
        EndgameTables(f"{none}{os.pathsep} {none}")


def test_good_folders_are_used_whatever_stands_beside_them(tmp_path: Path) -> None:
    tables = EndgameTables(f"{tmp_path}{os.pathsep} {TABLES} {os.pathsep}")
    assert tables.largest == 3 and not tables.problems
    tables = EndgameTables(f"{TABLES}{os.pathsep}{tmp_path / 'none'}")
    assert tables.largest == 3 and len(tables.problems) == 1 and "none' (No such file" in tables.problems[0]


def test_a_damaged_table_is_as_good_as_none(tmp_path: Path) -> None:
    for name in ("KRvK.rtbw", "KRvK.rtbz"):
        shutil.copy(TABLES / name, tmp_path / name)
    with (tmp_path / "KRvK.rtbw").open("r+b") as file:
        file.truncate(60)
    assert EndgameTables(str(tmp_path)).verdicts(chess.Board("8/8/8/3k4/8/8/8/KR6 w - - 0 1")) == {}
