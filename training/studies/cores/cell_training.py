"""One run of a comparison from beginning to end: train, export, load for play, measure."""

import dataclasses
import json
import math
import shutil
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.player.network_evaluator import load_network_evaluator
from training.distillation.distillation_config import RunConfig
from training.distillation.distillation_run import Distillation
from training.evaluation.measures.puzzles import Puzzle
from training.export.exporting import export_run
from training.labels.label_formats import LabelledPosition
from training.runs.run_clock import Plan
from training.studies.cores.comparison_cells import Cell
from training.studies.cores.network_costs import NetworkCosts
from training.studies.cores.network_figures import network_figures

Json = dict[str, Any]


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
      folder: of the run; what an interrupted attempt left there is deleted.
      positions: held out, with a value for every legal move.
      puzzles: any number.

    Returns:
      Settings, costs and figures as one JSON object.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # The clock of a run counts from its start: a first step fills the cache of compiled programs.
    Distillation(config, folder / "warm", dataclasses.replace(plan, steps=1, decay_share=0.0)).run()
    shutil.rmtree(folder / "warm")
    state = Distillation(config, folder / "run", plan).run()
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


def _median_rate(metrics: Path) -> float | None:
    """Returns the median of the rates a run has noted, the first left out, in which the program was compiled."""
    lines = [json.loads(line) for line in metrics.read_text().splitlines()]
    rates = [line["positions_per_s"] for line in lines if "positions_per_s" in line]
    return statistics.median(rates[1:]) if len(rates) > 1 else None
