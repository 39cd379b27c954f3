"""Regret by hand, in batches, with a real engine process, and of the teacher itself."""

import math
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import chess
import numpy as np
import pytest

from engine.player.evaluator import Evaluation
from training.evaluation.engines.engine_player import EnginePlayer
from training.evaluation.engines.engine_spec import EngineSpec, stockfish_command
from training.evaluation.engines.time_control import MoveLimit
from training.evaluation.failures import EvaluationError
from training.evaluation.measures.move_chooser import evaluator_chooser, player_chooser
from training.evaluation.measures.regret import measure_regret, read_positions
from training.labels.label_formats import LabelError
from training.reporting.sampling_error import estimate_mean

TEACHER_LABELS = Path(__file__).parents[3] / "data" / "labels-all.tsv"
# Legal moves a1a2, a1b1, a1b2 with k = 2048, 0, 4095, so w = .500122, 0, 1.
HALF_NOTHING_ALL = "g1\t7k/8/8/8/8/8/8/K7 w - - 0 1\tW000__\n"
# Legal moves h8g7, h8g8, h8h7 with k = 64, 64, 0: two equally good moves, w = .015629.
TIE = "g2\t7k/8/8/8/8/8/8/K7 b - - 0 1\t101000\n"


def first_moves(boards: Sequence[chess.Board]) -> list[chess.Move]:
    return [min(board.legal_moves, key=chess.Move.uci) for board in boards]


def last_moves(boards: Sequence[chess.Board]) -> list[chess.Move]:
    return [max(board.legal_moves, key=chess.Move.uci) for board in boards]


def test_two_positions_by_hand(tmp_path: Path) -> None:
    file = tmp_path / "positions.tsv"
    file.write_text(HALF_NOTHING_ALL + TIE)
    report = measure_regret(first_moves, read_positions(file))
    # First moves give away 2047/4095 and 0; of two samples x and 0 mean and error are x / 2.
    assert report.regret.mean == pytest.approx(2047 / 4095 / 2)
    assert report.regret.standard_error == pytest.approx(2047 / 4095 / 2)
    assert report.regret.n == 2
    assert report.blunders.mean == 0.5
    assert report.top1.mean == 0.5
    # Last moves give away 0 and 64/4095, which is no blunder.
    report = measure_regret(last_moves, read_positions(file))
    assert report.regret.mean == pytest.approx(64 / 4095 / 2)
    assert (report.blunders.mean, report.top1.mean) == (0, 0.5)


def test_any_of_equally_good_moves_is_top(tmp_path: Path) -> None:
    file = tmp_path / "positions.tsv"
    file.write_text(TIE)
    second = [chess.Move.from_uci("h8g8")]
    assert measure_regret(lambda _: second, read_positions(file)).top1.mean == 1


def test_batches_cover_every_position_once() -> None:
    positions = read_positions(TEACHER_LABELS, limit=7)
    sizes: list[int] = []
    finished: list[int] = []

    def choose(boards: Sequence[chess.Board]) -> list[chess.Move]:
        sizes.append(len(boards))
        return first_moves(boards)

    report = measure_regret(choose, positions, batch_size=3, on_progress=finished.append)
    assert sizes == finished == [3, 3, 1]
    assert report == measure_regret(first_moves, positions)


def test_an_evaluator_plays_its_most_likely_move() -> None:
    class LastMoveEvaluator:
        def evaluate(self, boards: Sequence[chess.Board]) -> list[Evaluation]:
            return [self._evaluate(board) for board in boards]

        def _evaluate(self, board: chess.Board) -> Evaluation:
            moves = tuple(sorted(board.legal_moves, key=chess.Move.uci))
            log_probs = np.log(np.arange(1, len(moves) + 1) / sum(range(len(moves) + 1)))
            return Evaluation(moves, log_probs, np.array([0.2, 0.5, 0.3]), 1, 0.0, True)

    positions = read_positions(TEACHER_LABELS)
    report = measure_regret(evaluator_chooser(LastMoveEvaluator()), positions, batch_size=16)
    assert report == measure_regret(last_moves, positions)


def test_a_malformed_line_is_named(tmp_path: Path) -> None:
    file = tmp_path / "positions.tsv"
    file.write_text(TIE + HALF_NOTHING_ALL.replace("W000__", "W000_"))
    with pytest.raises(LabelError, match=r"positions.tsv, line 2: expected 2 characters"):
        read_positions(file)
    file.write_text("")
    with pytest.raises(EvaluationError, match="at least one labelled position"):
        read_positions(file)


def test_means_by_hand() -> None:
    # Deviations -1, 0, 1: variance 1, standard error 1 / sqrt(3).
    estimate = estimate_mean([1, 2, 3])
    assert (estimate.mean, estimate.n) == (2, 3)
    assert estimate.standard_error == pytest.approx(1 / math.sqrt(3))
    assert estimate_mean([0.5]).standard_error is None
    with pytest.raises(ValueError, match="at least one sample"):
        estimate_mean([])


@pytest.mark.teacher
def test_stockfish_with_one_node_gives_little_away() -> None:
    positions = read_positions(TEACHER_LABELS)
    spec = EngineSpec(command=stockfish_command(), options={}, limit=MoveLimit(nodes=1))
    with closing(EnginePlayer(spec)) as player:
        report = measure_regret(player_chooser(player), positions)
    # A uniform random mover loses about .16 and Stockfish about .03 on such positions.
    assert report.regret.mean < 0.06
    assert report.regret.mean < measure_regret(first_moves, positions).regret.mean / 2
