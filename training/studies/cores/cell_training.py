"""Carries out one run of a comparison: trains, exports, loads for play, and measures."""

import dataclasses
import json
import math
import shutil
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.files.puzzle_lines import Puzzle
from engine.player.evaluator import BATCH, Evaluation, Evaluator
from engine.player.network_evaluator import load_network_evaluator
from training.distillation.distillation_config import RunConfig
from training.distillation.distillation_run import Distillation
from training.evaluation.measures.move_chooser import evaluator_chooser, in_batches
from training.evaluation.measures.puzzles import solve_puzzles
from training.export.exporting import export_run
from training.labels.label_formats import LabelledPosition
from training.labels.move_regret import move_regret, report_regret
from training.runs.run_clock import Plan
from training.runs.training_loop import TrainingLoop
from training.studies.cores.comparison_cells import Cell
from training.studies.cores.network_costs import NetworkCosts

Json = dict[str, Any]

_TAU = 0.05  # temperature of the teacher's policy, in expected score


def train_cell(
    cell: Cell,
    config: RunConfig,
    plan: Plan,
    costs: NetworkCosts,
    folder: Path,
    positions: Sequence[LabelledPosition],
    puzzles: Sequence[Puzzle],
) -> Json:
    """Trains a network and measures it as it plays.

    Args:
      cell: which run it is.
      config: its settings.
      plan: how long it goes on.
      costs: of its network.
      folder: of the run; remains of an interrupted attempt are deleted.
      positions: held out, with a value for every legal move.
      puzzles: any number.

    Returns:
      Settings, costs and figures as one JSON object.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # The clock of a run counts from its start: a first step fills the cache of compiled programs.
    TrainingLoop(Distillation(config), folder / "warm", dataclasses.replace(plan, steps=1, decay_share=0.0)).run()
    shutil.rmtree(folder / "warm")
    state = TrainingLoop(Distillation(config), folder / "run", plan).run()
    steps = int(state.step)
    export_run(folder / "run", folder / "network", [], f"Core {cell.core}, compared at equal {cell.regime}.")
    figures = network_figures(load_network_evaluator(folder / "network"), positions, puzzles)
    shutil.rmtree(folder / "run" / "checkpoints")  # the network is kept, and the state would take most of the room
    network = config.network
    return {
        **dataclasses.asdict(cell),
        "width": network.width,
        "hidden_width": network.hidden_width,
        "steps": steps,
        "positions": steps * config.batch_size,
        "positions_per_s": _median_rate(folder / "run" / "metrics.jsonl"),
        "total_training_flops": steps * config.batch_size * costs.training_flops,
        **dataclasses.asdict(costs),
        **{name: None if math.isnan(value) else value for name, value in dataclasses.asdict(figures).items()},
    }


@dataclass(frozen=True, kw_only=True)
class NetworkFigures:
    """Holds the figures of one network.

    Attributes:
      regret: mean expected score given away by its most probable move.
      top1: share of positions in which that move is a best one.
      bits: mean cross-entropy of its policy with the teacher's, bits a move.
      puzzles: share of puzzles solved; NaN without puzzles.
      iterations: mean number of iterations of an evaluation.
    """

    regret: float
    top1: float
    bits: float
    puzzles: float
    iterations: float


def network_figures(
    evaluator: Evaluator, positions: Sequence[LabelledPosition], puzzles: Sequence[Puzzle]
) -> NetworkFigures:
    """Measures a network by its moves in positions and its solutions of puzzles.

    Args:
      evaluator: the network.
      positions: at least one, with a value for every legal move.
      puzzles: any number.
    """
    regrets, bits, iterations = [], [], []
    for batch in in_batches(positions, BATCH):
        evaluations = evaluator.evaluate([position.board for position in batch])
        for position, evaluation in zip(batch, evaluations, strict=True):
            chosen = evaluation.moves[int(np.argmax(evaluation.log_probs))]
            regrets.append(float(move_regret(position.values, position.moves.index(chosen))))
            bits.append(policy_bits(position, evaluation))
            iterations.append(evaluation.steps)
    solved = solve_puzzles(evaluator_chooser(evaluator), puzzles, batch_size=BATCH) if puzzles else []
    report = report_regret(regrets)
    return NetworkFigures(
        regret=report.regret.mean,
        top1=report.top1.mean,
        bits=float(np.mean(bits)),
        puzzles=float(np.mean(solved)) if solved else math.nan,
        iterations=float(np.mean(iterations)),
    )


def policy_bits(position: LabelledPosition, evaluation: Evaluation) -> float:
    """Returns the cross-entropy of a policy with the teacher's softmax of values over 0.05, in bits."""
    values = np.array([position.values[position.moves.index(move)] for move in evaluation.moves])
    odds = np.exp((values - values.max()) / _TAU)
    return float(-np.sum(odds / odds.sum() * evaluation.log_probs) / math.log(2))


def _median_rate(metrics: Path) -> float | None:
    """Returns the median of a run's rates without the first, which includes compiling."""
    lines = [json.loads(line) for line in metrics.read_text(encoding="utf-8").splitlines()]
    rates = [line["positions_per_s"] for line in lines if "positions_per_s" in line]
    return statistics.median(rates[1:]) if len(rates) > 1 else None
