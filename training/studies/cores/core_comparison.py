"""Runs a comparison of cores in a folder, one run after another, and resumes where it was interrupted.

comparison.json   settings; the folder is resumed only with the same ones
results.jsonl     one JSON object per finished run
costs.json        costs of each network, by core and widths
compiled/         compiled programs, so that compiling takes no time of a run
NAME/             a run: `run/` with its figures, `network/` as it plays
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

import jax

from engine.frozen_config import from_json_dict, to_json_dict, with_overrides
from training.distillation.distillation_config import RunConfig
from training.evaluation.measures.puzzles import rated_puzzles
from training.evaluation.measures.regret import read_positions
from training.reporting.progress_bar import progress_bar
from training.runs.durable_files import drop_unfinished_line, replace_text
from training.runs.run_clock import Plan
from training.studies.cores.cell_training import Json, train_cell
from training.studies.cores.comparison_cells import (
    REFERENCE,
    Cell,
    cell_config,
    cell_plan,
    cells,
    networks_of,
)
from training.studies.cores.comparison_config import ComparisonConfig
from training.studies.cores.network_costs import NetworkCosts, network_costs

RESULTS, _SETTINGS, _COSTS = "results.jsonl", "comparison.json", "costs.json"


class CoreComparison:
    """Carries out a comparison.

    Args:
      folder: of the comparison; created if missing.
      config: its settings.

    Raises:
      ValueError: the folder holds a comparison with other settings.
    """

    def __init__(self, folder: Path, config: ComparisonConfig) -> None:
        self._folder, self._config = folder, config
        folder.mkdir(parents=True, exist_ok=True)
        _keep_settings(folder / _SETTINGS, config)
        self._networks = _with_overrides(networks_of(config.cores, config.run), config.network_overrides)
        self.results = read_results(folder)

    def run(self) -> None:
        """Carries out the missing runs."""
        _compile_into(self._folder / "compiled")
        config = self._config
        positions = read_positions(Path(config.positions), config.most_positions or None)
        puzzles = rated_puzzles(Path(config.puzzles), config.most_puzzles) if config.puzzles else []
        missing = [cell for cell in self._cells() if not self._result(cell)]
        reference = self._networks[REFERENCE]
        with progress_bar("cores", len(missing), "runs") as advance:
            for cell in missing:
                advance(0, cell.name)
                run_config = cell_config(cell, config.run, self._networks)
                plan = cell_plan(cell, run_config, reference, self._timed_plan(), self._reference_steps())
                costs = self._costs(cell, run_config)
                self._note(train_cell(cell, run_config, plan, costs, self._folder / cell.name, positions, puzzles))
                jax.clear_caches()
                advance(1, cell.name)

    def _cells(self) -> list[Cell]:
        return list(cells(self._config.cores, self._config.seeds, self._config.regimes))

    def _timed_plan(self) -> Plan:
        config, never = self._config, 1e6
        return Plan(
            minutes=config.minutes,
            clock="cpu" if config.clock == "cpu" else "wall",
            decay_share=config.decay_share,
            validate_minutes=never,
            save_minutes=never,
        )

    def _result(self, cell: Cell) -> Json | None:
        wanted = dataclasses.asdict(cell)
        return next((line for line in self.results if wanted.items() <= line.items()), None)

    def _reference_steps(self) -> int | None:
        reference = self._result(Cell(regime="time", core=REFERENCE, seed=0))
        return None if reference is None else int(reference["steps"])

    def _costs(self, cell: Cell, config: RunConfig) -> NetworkCosts:
        """Returns the costs of a run's network, computed once."""
        path, name = self._folder / _COSTS, f"{cell.core}-{config.network.width}-{config.network.hidden_width}"
        known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        if name in known:
            return NetworkCosts(**known[name])
        costs = network_costs(config)
        replace_text(path, json.dumps({**known, name: dataclasses.asdict(costs)}, indent=2))
        return costs

    def _note(self, result: Json) -> None:
        self.results.append(result)
        with (self._folder / RESULTS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(result) + "\n")


def read_results(folder: Path) -> list[Json]:
    """Returns the finished runs of a comparison; an incomplete last line is dropped."""
    path = folder / RESULTS
    if not path.exists():
        return []
    drop_unfinished_line(path)
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def read_comparison(folder: Path) -> ComparisonConfig:
    """Returns the settings of a comparison.

    Raises:
      ValueError: the folder holds none.
    """
    path = folder / _SETTINGS
    if not path.is_file():
        raise ValueError(f"expected the folder of a comparison with {_SETTINGS}, got {folder}")
    return from_json_dict(ComparisonConfig, json.loads(path.read_text(encoding="utf-8")))


def _keep_settings(path: Path, config: ComparisonConfig) -> None:
    if not path.exists():
        replace_text(path, json.dumps(to_json_dict(config), indent=2) + "\n")
        return
    if read_comparison(path.parent) != config:
        raise ValueError(
            f"expected the settings of {path} to resume it, got others; use a new folder, or the same settings"
        )


def _with_overrides(networks: dict[str, RunConfig], overrides: tuple[str, ...]) -> dict[str, RunConfig]:
    texts = [f"network.{override}" for override in overrides]
    return {core: with_overrides(config, texts) for core, config in networks.items()}


def _compile_into(folder: Path) -> None:
    jax.config.update("jax_compilation_cache_dir", str(folder.resolve()))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
