"""Which moves are searched again, and that nothing else of the labels changes."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import chess
import numpy as np
import pytest

from engine.command_line import run_command
from engine.weights_location import default_weights_folder
from tests.doubles.fake_evaluator import FakeEvaluator
from tests.doubles.scripted_worker import scripted_worker
from training.labels.favoured_moves import FavouredMoves, moves_to_search, search_favoured_moves
from training.labels.label_formats import LabelError, all_values_line, read_labels
from training.labels.label_source import KnownPositions, LabelledGame

SOURCE = FavouredMoves(paths=(), weights=Path("unused"))
FENS = ("7k/8/8/8/8/8/8/K7 w - - 0 1", "7k/8/8/8/8/8/8/K7 b - - 0 1", "8/8/8/8/8/7k/8/K7 w - - 0 1")


def test_the_best_the_likely_and_the_rivals_are_searched() -> None:
    probabilities = np.array([0.30, 0.01, 0.25, 0.20, 0.04, 0.15, 0.03, 0.02])
    values = np.array([0.50, 0.70, 0.20, 0.40, 0.69, 0.10, 0.695, 0.6])
    # 1 is best; 0, 2, 3, 5 are preferred; 4 and 6 are within a hundredth of the best, and 4 is the likelier one.
    assert moves_to_search(np.log(probabilities), values, SOURCE) == [1, 0, 2, 3, 5, 4, 6]
    fewer = FavouredMoves(paths=(), weights=Path("unused"), favourites=2, rivals=1)
    assert moves_to_search(np.log(probabilities), values, fewer) == [1, 0, 2, 4]


def test_a_favourite_is_not_unlikely_and_not_searched_twice() -> None:
    log_probs = np.log(np.array([0.97, 0.015, 0.01, 0.005]))
    assert moves_to_search(log_probs, np.array([0.9, 0.1, 0.1, 0.1]), SOURCE) == [0]
    assert moves_to_search(log_probs, np.array([0.9, 0.895, 0.1, 0.1]), SOURCE) == [0, 1]
    assert moves_to_search(log_probs, np.array([0.5, 0.1, 0.1, 0.52]), SOURCE) == [3, 0]


class Teacher:
    """Puts all the moves that it is asked about at .3, and notes the questions."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[str], int]] = []

    def __call__(
        self, fen: str, values: Mapping[str, float], moves: Sequence[str], nodes_per_move: int
    ) -> Mapping[str, float]:
        self.asked.append((fen, list(moves), nodes_per_move))
        return {move: 0.3 if move in moves else value for move, value in values.items()}


def write_labels(path: Path, best: float = 0.5) -> None:
    """Writes three positions of two games; the first move by UCI text is best, the others are far below."""
    lines = []
    for group, fen in zip(("a", "a", "b"), FENS, strict=True):
        count = chess.Board(fen).legal_moves.count()
        lines.append(all_values_line(group, fen, [best, *[best / 2] * (count - 1)]))
    path.write_text("".join(lines), encoding="utf-8")


def found(path: Path, teacher: Teacher, **more: object) -> list[LabelledGame]:
    source = FavouredMoves(paths=(path,), weights=Path("unused"), nodes_per_move=9, favourites=1)
    worker = scripted_worker(lambda fen: pytest.fail(fen), with_moves_searched=teacher, **more)
    return list(search_favoured_moves(FakeEvaluator({"a1b2": 2.0, "h8g7": 2.0}), source, worker))


def test_groups_and_what_is_not_searched_stay_as_they_were(tmp_path: Path) -> None:
    write_labels(tmp_path / "labels.tsv")
    teacher, forgotten = Teacher(), []
    games = found(tmp_path / "labels.tsv", teacher, new_game=lambda: forgotten.append(len(teacher.asked)))
    assert [(game.group, game.visits[0].fen) for game in games] == list(zip("aab", FENS, strict=True))
    assert teacher.asked[0] == (FENS[0], ["a1a2", "a1b2"], 9)
    assert games[0].visits[0].values == pytest.approx([0.3, 0.25, 0.3], abs=2e-4)
    assert forgotten == [0, 2]  # once a game


@pytest.mark.parametrize("best", [0.95, 0.05])
def test_a_decided_position_is_not_searched(best: float, tmp_path: Path) -> None:
    write_labels(tmp_path / "labels.tsv", best)
    teacher = Teacher()
    games = found(tmp_path / "labels.tsv", teacher)
    assert not teacher.asked
    assert games[0].visits[0].values == pytest.approx([best, best / 2, best / 2], abs=2e-4)


def test_what_is_known_is_left_out_and_processes_share_the_rest(tmp_path: Path) -> None:
    write_labels(tmp_path / "labels.tsv")
    known = KnownPositions()
    known.add_fen(FENS[1])
    assert [game.visits[0].fen for game in found(tmp_path / "labels.tsv", Teacher(), known=known)] == [FENS[0], FENS[2]]
    sizes = [len(found(tmp_path / "labels.tsv", Teacher(), number=number, processes=2)) for number in (0, 1)]
    assert sizes == [3, 0]  # a part of a file is more than three lines


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.tsv").write_text(f"a\t{FENS[0]}\ta1a2:30:7\n")
    with pytest.raises(LabelError, match=r"x\.tsv, line 1: expected 2 characters for each of 3 legal moves"):
        found(tmp_path / "x.tsv", Teacher())


@pytest.mark.teacher
def test_the_command_keeps_positions_and_groups(tmp_path: Path) -> None:
    engine = shutil.which("stockfish") or "/usr/games/stockfish"
    first, second = tmp_path / "labels.tsv", tmp_path / "better.tsv"
    short = ["--depth", "2", "--best-nodes", "0", "--count", "100"]
    assert run_command("label", ["--engine", engine, "--out", str(first), *short]) == 0
    network = ["--weights", str(default_weights_folder()), "--nodes-per-move", "300", "--processes", "2"]
    again = ["--engine", engine, "--out", str(second), "--source", "favourites", "--in", str(first), *network]
    assert run_command("label", again) == 0
    before = {position.board.fen(): position for position in read_labels(first, "all")}
    after = {position.board.fen(): position for position in read_labels(second, "all")}
    assert before.keys() == after.keys()
    assert all(before[fen].group == after[fen].group for fen in before)
    changed = sum(not np.array_equal(before[fen].values, after[fen].values) for fen in before)
    assert changed > 20
    # What there is already is not searched again, and a run that adds nothing says so by its status.
    assert run_command("label", again) == 1
    assert len(list(read_labels(second, "all"))) == len(before)
