"""Lichess's rule for solved puzzles, case by case, and the share by rating."""

from collections.abc import Callable, Sequence
from pathlib import Path

import chess
import pytest

from engine.files.puzzle_lines import Puzzle
from training.evaluation.failures import EvaluationError
from training.evaluation.measures.puzzles import rated_puzzles, report_puzzles, solve_puzzles

HEADER = "PuzzleId,FEN,Moves,Rating,Themes\n"
BACK_RANK = "7k/5ppp/8/8/8/8/8/RR4K1 b - - 0 1"
PUZZLE_FILE = Path(__file__).parents[3] / "data" / "puzzles.csv"


def puzzle(moves: str, fen: str = BACK_RANK, rating: int = 1000) -> Puzzle:
    played = tuple(chess.Move.from_uci(text) for text in moves.split())
    return Puzzle(puzzle_id="x", fen=fen, moves=played, rating=rating)


def scripted(*texts: str) -> Callable[[Sequence[chess.Board]], list[chess.Move]]:
    moves = iter(texts)
    return lambda boards: [chess.Move.from_uci(next(moves)) for _ in boards]


def solves(line: Puzzle, *answers: str) -> bool:
    return solve_puzzles(scripted(*answers), [line]) == [True]


def test_the_listed_mate_solves() -> None:
    assert solves(puzzle("h8g8 a1a8"), "a1a8")


def test_another_mate_solves_too() -> None:
    assert solves(puzzle("h8g8 a1a8"), "b1b8")


def test_another_move_fails() -> None:
    assert not solves(puzzle("h8g8 a1a8"), "a1a7")


def test_a_mate_instead_of_a_listed_quiet_move_ends_the_puzzle_solved() -> None:
    assert solves(puzzle("h8g8 a1a7 g8f8 b1b8"), "a1a8")


def test_every_solver_move_has_to_match() -> None:
    line = puzzle("h8g8 a1a7 g8f8 b1b8")
    assert solves(line, "a1a7", "b1b8")
    assert not solves(line, "a1a7", "b1b7")
    assert not solves(line, "b1b7")


def test_under_promotion_is_another_move() -> None:
    fen = "8/P7/8/8/8/8/7k/K7 b - - 0 1"
    assert solves(puzzle("h2h3 a7a8q", fen), "a7a8q")
    assert not solves(puzzle("h2h3 a7a8q", fen), "a7a8r")


def test_the_player_sees_the_position_after_the_opponents_move_with_history() -> None:
    seen: list[tuple[str, int]] = []

    def choose(boards: Sequence[chess.Board]) -> list[chess.Move]:
        seen.extend((board.board_fen(), len(board.move_stack)) for board in boards)
        return [next(answers)]

    answers = iter(puzzle("a1a7 b1b8").moves)
    solve_puzzles(choose, [puzzle("h8g8 a1a7 g8f8 b1b8")])
    assert seen[0] == ("6k1/5ppp/8/8/8/8/8/RR4K1", 1)
    assert seen[1] == ("5k2/R4ppp/8/8/8/8/8/1R4K1", 3)


def test_batches_change_nothing() -> None:
    puzzles = rated_puzzles(PUZZLE_FILE)
    # Deterministic and right about one time in three, so that puzzles end at every length.
    listed = {}
    for line in puzzles:
        board = chess.Board(line.fen)
        for ply, move in enumerate(line.moves):
            if ply % 2:
                listed[board.fen()] = move
            board.push(move)

    def choose(boards: Sequence[chess.Board]) -> list[chess.Move]:
        return [
            listed[board.fen()] if sum(map(ord, board.fen())) % 3 else next(iter(board.legal_moves)) for board in boards
        ]

    finished: list[int] = []
    one_by_one = solve_puzzles(choose, puzzles)
    assert solve_puzzles(choose, puzzles, batch_size=7, on_progress=finished.append) == one_by_one
    assert sum(finished) == len(puzzles)
    assert 0 < sum(one_by_one) < len(puzzles)
    assert all(solve_puzzles(lambda boards: [listed[board.fen()] for board in boards], puzzles))


def test_shares_by_rating_band() -> None:
    puzzles = [puzzle("h8g8 a1a8", rating=rating) for rating in (799, 800, 1199, 2000)]
    report = report_puzzles(puzzles, [True, True, False, False])
    assert report.solved.mean == 0.5
    assert {band: (s.mean, s.n) for band, s in report.solved_by_band.items()} == {
        400: (1.0, 1),
        800: (0.5, 2),
        2000: (0.0, 1),
    }


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("a,b", "expected a puzzle as PuzzleId,FEN"),
        (f"a,{BACK_RANK},h8g8 a1a8 g8f8,1000,x", "even number of moves"),
        (f"a,{BACK_RANK},h8g8 a1h8,1000,x", "illegal uci: 'a1h8'"),
        (f"a,{BACK_RANK},h8g8 a1a8,hard,x", "whole number as rating, got 'hard'"),
        ("a,nonsense,h8g8 a1a8,1000,x", "fen"),
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, line: str, text: str) -> None:
    file = tmp_path / "puzzles.csv"
    file.write_text(f"{HEADER}ok,{BACK_RANK},h8g8 a1a8,1000,mate\n{line}\n")
    with pytest.raises(EvaluationError, match=f"puzzles.csv, line 3: .*{text}"):
        rated_puzzles(file, strict=True)
    assert [p.puzzle_id for p in rated_puzzles(file, limit=1)] == ["ok"]


def test_files_without_puzzles_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "puzzles.csv"
    file.write_text(HEADER)
    with pytest.raises(EvaluationError, match="at least one puzzle"):
        rated_puzzles(file, strict=True)
    with pytest.raises(EvaluationError, match="No such file"):
        rated_puzzles(tmp_path / "absent.csv")
