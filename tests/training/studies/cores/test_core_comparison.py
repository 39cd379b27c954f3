"""A comparison from beginning to end: with pretended runs, and in miniature with real ones."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from engine.command_line import run_command
from tests.doubles.small_run import DATA, pack
from training.distillation.distillation_config import RunConfig
from training.runs.run_clock import Plan
from training.studies.cores import core_comparison
from training.studies.cores.comparison_cells import Cell
from training.studies.cores.comparison_config import ComparisonConfig
from training.studies.cores.core_comparison import CoreComparison, read_results
from training.studies.cores.network_costs import NetworkCosts

COSTS = NetworkCosts(parameters=10, training_flops=3.0, play_flops=1.0, memory_bytes=7)


class Pretended:
    """Stands for training: notes what is asked, and is interrupted when it is told to."""

    def __init__(self) -> None:
        self.runs: list[tuple[str, Plan]] = []
        self.stops_before = ""

    def train(self, cell: Cell, config: RunConfig, plan: Plan, costs: NetworkCosts, *_rest: Any) -> dict[str, Any]:
        if cell.name == self.stops_before:
            raise KeyboardInterrupt
        assert config.seed == cell.seed and config.network.core.kind == cell.core and costs == COSTS
        self.runs.append((cell.name, plan))
        figures = {"regret": 0.05 + cell.seed / 100, "steps": 40 + cell.seed, "positions": 640, "bits": 2.0}
        return {**dataclasses.asdict(cell), **dataclasses.asdict(COSTS), **figures}


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> Pretended:
    stand_in = Pretended()
    monkeypatch.setattr(core_comparison, "train_cell", stand_in.train)
    monkeypatch.setattr(core_comparison, "network_costs", lambda _: COSTS)
    monkeypatch.setattr(core_comparison, "_compile_into", lambda _: None)
    # Other tests share compiled programs.
    monkeypatch.setattr("jax.clear_caches", lambda: None)
    monkeypatch.setattr("training.studies.cores.comparison_cells.flops_per_position", lambda _: (3.0, 1.0))
    monkeypatch.setattr("training.studies.cores.comparison_cells.matched_to", lambda network, _: network)
    monkeypatch.setattr("training.studies.cores.comparison_cells.count_parameters", lambda _: 10)
    return stand_in


def arguments(folder: Path, *more: str) -> list[str]:
    # The data are only named here: pretended runs do not read them.
    fixed = ["run", "--out", str(folder), "--source", "packed:1", "--positions", str(DATA / "labels-all.tsv")]
    return [*fixed, "--cores", "flat", "--seeds", "2", *more]


def test_an_interrupted_comparison_goes_on_where_it_was(tmp_path: Path, pretended: Pretended) -> None:
    folder = tmp_path / "cores"
    pretended.stops_before = "flops-flat-0"
    assert run_command("cores", arguments(folder)) == 130
    done = [name for name, _ in pretended.runs]
    assert done == ["time-deq-0", "time-flat-0"]
    # A line that was being written when the process ended is not a result.
    with (folder / "results.jsonl").open("a") as file:
        file.write('{"regime": "flops", "core": "fl')
    pretended.stops_before, pretended.runs = "", []
    assert run_command("cores", arguments(folder)) == 0
    assert [name for name, _ in pretended.runs][:2] == ["flops-flat-0", "parameters-flat-0"]
    assert len(pretended.runs) == 8 - 2 and len(read_results(folder)) == 8
    pretended.runs = []
    assert run_command("cores", arguments(folder)) == 0 and not pretended.runs


def test_the_plans_are_those_of_the_regimes(tmp_path: Path, pretended: Pretended) -> None:
    assert run_command("cores", arguments(tmp_path, "--minutes", "2", "--clock", "cpu", "--decay-share", "0.3")) == 0
    plans = dict(pretended.runs)
    assert (plans["time-flat-1"].minutes, plans["time-flat-1"].clock, plans["time-flat-1"].steps) == (2.0, "cpu", None)
    # As many batches as the reference saw in its time with the first seed, since all cost the same here.
    assert {plans[f"{regime}-flat-1"].steps for regime in ("flops", "parameters")} == {40}
    assert all(plan.decay_share == 0.3 for plan in plans.values())


def test_other_settings_need_another_folder(tmp_path: Path, pretended: Pretended, capsys: Any) -> None:
    assert run_command("cores", arguments(tmp_path)) == 0
    assert run_command("cores", arguments(tmp_path, "--minutes", "7")) == 2
    assert "expected the settings of" in capsys.readouterr().err
    assert run_command("cores", [*arguments(tmp_path / "x")[:-4], "--cores", "lstm"]) == 2
    assert "'lstm'" in capsys.readouterr().err
    assert len(pretended.runs) == 8


def test_the_report_goes_into_the_document(tmp_path: Path, pretended: Pretended, capsys: Any) -> None:
    document = tmp_path / "recursion.md"
    document.write_text("# Title\n<!-- comparison -->\nnothing\n<!-- end of comparison -->\n")
    report = ["report", "--run", str(tmp_path / "cores"), "--document", str(document)]
    assert run_command("cores", report) == 2 and "folder of a comparison" in capsys.readouterr().err
    assert run_command("cores", arguments(tmp_path / "cores")) == 0 and pretended.runs
    assert run_command("cores", report) == 0
    text = document.read_text()
    assert text.startswith("# Title\n") and "nothing" not in text
    assert all(f"| {regime} | deq |" in text for regime in ("time", "flops", "parameters"))
    assert "3 minutes (wall clock)" in text and (tmp_path / "recursion-comparison.svg").exists()


@pytest.mark.slow
def test_a_miniature_is_trained_measured_and_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core_comparison, "_compile_into", lambda _: None)
    monkeypatch.setattr("jax.clear_caches", lambda: None)
    packed = pack("all", "labels-all.tsv", tmp_path / "packed")
    sizes = ("width=16", "heads=1", "hidden_width=16", "policy_width=16", "policy_heads=1", "blocks=1")
    network = [
        f"--set=network.{setting}" for setting in (*sizes, "value_width=16", "value_bins=16", "arithmetic=float32")
    ]
    given = ["--source", f"{packed}/train:1", "--positions", str(DATA / "labels-all.tsv"), "--first-positions", "20"]
    puzzles = ["--puzzles", str(DATA / "puzzles.csv"), "--first-puzzles", "5"]
    run = ["run", "--out", str(tmp_path / "cores"), "--cores", "flat", "--seeds", "1", "--minutes", "0.02"]
    assert run_command("cores", [*run, *given, *puzzles, *network, "--set", "batch_size=16"]) == 0
    results = read_results(tmp_path / "cores")
    names = [f"{result['regime']}-{result['core']}" for result in results]
    assert names == ["time-deq", "time-flat", "flops-flat", "parameters-flat"]
    by_name = dict(zip(names, results, strict=True))
    spent = [by_name[name]["total_training_flops"] for name in ("time-deq", "flops-flat")]
    assert spent[1] == pytest.approx(spent[0], rel=0.5 / by_name["flops-flat"]["steps"] + 0.01)
    sizes_found = [by_name[name]["parameters"] for name in ("time-deq", "parameters-flat")]
    assert sizes_found[1] == pytest.approx(sizes_found[0], rel=0.02)
    for result in results:
        assert 0 <= result["regret"] <= 1 and result["bits"] > 0 and 0 <= result["puzzles"] <= 1
        assert result["memory_bytes"] > 0 and result["iterations"] >= 1
        assert (tmp_path / "cores" / f"{result['regime']}-{result['core']}-0" / "network" / "network.json").exists()


def test_settings_survive_json(tmp_path: Path, pretended: Pretended) -> None:
    assert run_command("cores", arguments(tmp_path, "--set", "network.arithmetic=bfloat16")) == 0 and pretended.runs
    config = core_comparison.read_comparison(tmp_path)
    assert isinstance(config, ComparisonConfig) and config.network_overrides == ("arithmetic=bfloat16",)
    assert CoreComparison(tmp_path, config).results == [
        json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()
    ]
