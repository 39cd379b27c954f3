"""Courses of iterations that are made up by hand, and what follows from them."""

from collections.abc import Sequence
from pathlib import Path

import chess
import numpy as np
import pytest

from engine.command_line import run_command
from engine.player.evaluator import Evaluation
from tests.doubles.fake_evaluator import FakeEvaluator
from training.studies.iterations.iteration_report import iteration_lines, iteration_plots, report_iterations
from training.studies.iterations.iteration_study import (
    Course,
    course_of,
    difficulty_groups,
    exit_rule,
    last_iteration,
    loosest_harmless,
    rank_correlation,
)

# Three positions, three iterations: the first is solved at once, the second soon, the third never.
COURSE = Course(
    residual=np.array([[0.01, 0.5, 0.9], [0.001, 0.02, 0.8], [0.0001, 0.002, 0.7]]),
    loss=np.array([[0.0, 0.3, 0.6], [0.0, 0.1, 0.6], [0.0, 0.1, 0.3]]),
    entropy=np.array([[0.5, 1.0, 2.0], [0.5, 1.0, 2.0], [0.4, 1.0, 2.0]]),
)


class Learner(FakeEvaluator):
    """Plays the first move by UCI text when it may make one iteration, and the last when it may make more."""

    def __init__(self, limit: int = 0) -> None:
        super().__init__()
        self.limit = limit

    def with_step_limit(self, steps: int) -> "Learner":
        return Learner(steps)

    def evaluate(self, boards: Sequence[chess.Board]) -> list[Evaluation]:
        return [self._judged(board) for board in boards]

    def _judged(self, board: chess.Board) -> Evaluation:
        moves = tuple(sorted(board.legal_moves, key=chess.Move.uci))
        probs = np.full(len(moves), 0.5 / (len(moves) - 1))
        probs[0 if self.limit == 1 else -1] = 0.5
        return Evaluation(moves, np.log(probs), np.array([0.4, 0.3, 0.3]), self.limit, 1 / self.limit, False)


def test_a_position_ends_when_it_meets_the_tolerance_or_at_the_end() -> None:
    assert last_iteration(COURSE, 0.02).tolist() == [0, 1, 2]
    assert last_iteration(COURSE, 1.0).tolist() == [0, 0, 0]
    assert last_iteration(COURSE, 1e-9).tolist() == [2, 2, 2]


def test_a_rule_saves_iterations_and_costs_regret() -> None:
    rule = exit_rule(COURSE, 0.02)
    assert rule.iterations.mean == 2 and rule.loss.mean == pytest.approx(0.4 / 3) and rule.added_loss.mean == 0
    loose = exit_rule(COURSE, 1.0)
    assert loose.iterations.mean == 1 and loose.added_loss.mean == pytest.approx(0.5 / 3)
    assert loosest_harmless([exit_rule(COURSE, 1e-9), rule, loose]) == rule
    assert loosest_harmless([loose]) is None


def test_groups_are_by_iterations() -> None:
    groups = difficulty_groups(COURSE, 0.02)
    assert [(group.iterations, group.loss.mean, group.entropy.mean) for group in groups] == [
        (1, 0.0, 0.5),
        (2, pytest.approx(0.1), 1.0),
        (3, pytest.approx(0.3), 2.0),
    ]


def test_rank_correlation_by_hand() -> None:
    assert rank_correlation(np.array([1, 2, 3]), np.array([5, 50, 60])) == pytest.approx(1.0)
    assert rank_correlation(np.array([1, 2, 3]), np.array([9, 5, 1])) == pytest.approx(-1.0)
    # Ranks 0.5, 0.5, 2, 3 against 0, 1, 2, 3: covariance 4.5 / sqrt(4.5 * 5).
    assert rank_correlation(np.array([1, 1, 2, 3]), np.array([1, 2, 3, 4])) == pytest.approx(4.5 / np.sqrt(22.5))
    assert rank_correlation(np.array([2, 2, 2]), np.array([1, 2, 3])) is None


def test_a_course_is_one_evaluation_for_each_limit() -> None:
    boards = [chess.Board(), chess.Board("8/8/4k3/8/8/4K3/4P3/8 w - - 0 1")]
    moves = [sorted(board.legal_moves, key=chess.Move.uci) for board in boards]
    done: list[int] = []
    course = course_of(Learner(), boards, lambda index, move: float(moves[index].index(move)), 3, done.append)
    assert course.loss.tolist() == [[0, 0], [19, len(moves[1]) - 1], [19, len(moves[1]) - 1]]
    assert course.residual[:, 0] == pytest.approx([1, 1 / 2, 1 / 3]) and sum(done) == 6
    assert course.entropy[0, 0] == pytest.approx(np.log(2) + 0.5 * np.log(19))


def test_the_report_names_the_advised_tolerance_and_draws() -> None:
    report = report_iterations(COURSE, 0.02, [1.0, 0.02, 1e-9], COURSE, [500, 900, 1300])
    assert report.advised is not None and report.advised.tolerance == 0.02
    assert report.with_regret == report.with_rating == pytest.approx(1.0)
    assert [band.lowest_rating for band in report.bands] == [400, 800, 1200]
    lines = iteration_lines(report)
    assert lines[-1].endswith(": 0.02") and any(line.startswith("1-") or "800-1199" in line for line in lines)
    assert "rank correlation of iterations with: regret +1.00, entropy +1.00, puzzle rating +1.00" in lines
    svg = iteration_plots(report, COURSE)
    assert svg.count("<svg ") == 6 and "regret added by exit rules" in svg and "iterations by puzzle rating" in svg


def test_bad_input_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    positions = tmp_path / "positions.tsv"
    positions.write_text("g1\t7k/8/8/8/8/8/8/K7 w - - 0 1\tW000__\n")
    arguments = ["iterations", "--positions", str(positions), "--weights", str(tmp_path / "absent")]
    assert run_command(arguments[0], arguments[1:]) == 2
    assert "expected a network's folder" in capsys.readouterr().err
    assert run_command(arguments[0], [*arguments[1:], "--plot", str(tmp_path / "no" / "plot.svg")]) == 2
    assert "for --svg" in capsys.readouterr().err
