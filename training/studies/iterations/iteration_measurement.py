"""Carries out the measurement `iterations`: loads the network, reads the positions, writes the plots."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import chess

from engine.files.puzzle_lines import Puzzle
from training.evaluation.failures import EvaluationError
from training.evaluation.measures.figures import Measurement
from training.evaluation.measures.puzzles import rated_puzzles
from training.evaluation.measures.regret import read_positions
from training.labels.label_formats import LabelledPosition
from training.labels.move_regret import move_regret
from training.reporting.progress_bar import progress_bar
from training.studies.iterations.iteration_report import iteration_lines, iteration_plots, report_iterations
from training.studies.iterations.iteration_study import Course, MoveLoss, course_of

if TYPE_CHECKING:
    from engine.network.network_config import NetworkConfig
    from engine.player.network_evaluator import NetworkEvaluator

TOLERANCES = (0.003, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.3, 0.5, 0.8)
_NEVER_MET = 1e-12


def iteration_measurement(
    weights: Path,
    positions_file: Path,
    *,
    puzzle_file: Path | None,
    limit: int | None,
    steps: int,
    tolerances: Sequence[float],
    svg: Path | None,
) -> Measurement:
    """Measures iterations against difficulty, and the effect of other tolerances.

    Args:
      weights: folder of the network, evaluated in this process.
      positions_file: positions with every legal move's value.
      puzzle_file: Lichess puzzles, of which only the first move is measured; None for none.
      limit: use at most this many positions and puzzles.
      steps: most iterations; 0 for the network's own.
      tolerances: to compare; positions are grouped by the network's own.
      svg: where the plots are written; None for nowhere.

    Raises:
      ValueError: one line about a file or a network that cannot be used.
    """
    if svg is not None and not svg.parent.is_dir():
        raise EvaluationError(f"expected a file in an existing folder for --svg, got {svg}")
    positions = read_positions(positions_file, limit)
    puzzles = rated_puzzles(puzzle_file, limit) if puzzle_file is not None else []
    evaluator, config = _load(weights)
    own, most = config.core.tolerance, _checked_steps(config, steps)
    with progress_bar("iterations", most * (len(positions) + len(puzzles)), "evaluations") as advance:
        boards = [position.board for position in positions]
        course = course_of(evaluator, boards, _regret_in(positions), most, lambda n: advance(n, ""))
        puzzle_course: Course | None = None
        if puzzles:
            puzzle_boards = [_shown(puzzle) for puzzle in puzzles]
            puzzle_course = course_of(evaluator, puzzle_boards, _miss_in(puzzles), most, lambda n: advance(n, ""))
    ratings = [puzzle.rating for puzzle in puzzles]
    report = report_iterations(course, own, sorted({*tolerances, own}), puzzle_course, ratings)
    if svg is not None:
        svg.write_text(iteration_plots(report, course) + "\n", encoding="utf-8")
    return Measurement(
        engine={"name": weights.name, "weights": str(weights)},
        settings={
            "positions": str(positions_file),
            "puzzles": None if puzzle_file is None else str(puzzle_file),
            "limit": limit,
            "steps": most,
        },
        n=len(positions),
        figures=asdict(report),
        lines=iteration_lines(report),
    )


def _checked_steps(config: "NetworkConfig", steps: int) -> int:
    from engine.network.cores.core_registry import StepLimitError, check_step_limit
    from engine.player.backend import MOST_STEPS

    most = steps or config.own_steps
    if most > MOST_STEPS:
        raise EvaluationError(f"expected at most {MOST_STEPS} iterations for --steps, got {most}")
    try:
        for number in (1, most):  # all from the first to the last are made
            check_step_limit(config, number)
    except StepLimitError as error:
        raise EvaluationError(str(error)) from error
    return most


def _load(weights: Path) -> tuple["NetworkEvaluator", "NetworkConfig"]:
    # Imported here: JAX takes seconds to load, and UCI engines do not need it.
    from engine.checkpoint import read_network_facts
    from engine.player.network_evaluator import load_network_evaluator

    try:
        return load_network_evaluator(weights, tolerance=_NEVER_MET), read_network_facts(weights).config
    except ValueError as error:  # CheckpointError and ConfigError are one-line user errors.
        raise EvaluationError(str(error)) from error


def _regret_in(positions: Sequence[LabelledPosition]) -> MoveLoss:
    def regret(index: int, move: chess.Move) -> float:
        position = positions[index]
        return float(move_regret(position.values, position.moves.index(move)))

    return regret


def _miss_in(puzzles: Sequence[Puzzle]) -> MoveLoss:
    return lambda index, move: float(move != puzzles[index].moves[1])


def _shown(puzzle: Puzzle) -> chess.Board:
    board = chess.Board(puzzle.fen)
    board.push(puzzle.moves[0])
    return board
