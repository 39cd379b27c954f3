"""Which runs there are, in which order, and what makes them equal."""

import dataclasses

import pytest

from engine.network.cores.core_registry import CORES
from engine.network.network_presets import preset
from tests.doubles.tiny_cores import core_settings
from training.distillation.distillation_config import RunConfig
from training.runs.run_clock import Plan
from training.studies.cores.comparison_cells import (
    REFERENCE,
    REGIMES,
    Cell,
    cell_config,
    cell_plan,
    cells,
    matched_to,
)
from training.studies.cores.network_costs import count_parameters, flops_per_position

BASE = RunConfig(network=core_settings("deq"), sources=())
PLAN = Plan(minutes=3.0, decay_share=0.4)


def settings_of(core: str) -> RunConfig:
    return dataclasses.replace(BASE, network=core_settings(core))


def test_every_core_has_a_preset_here() -> None:
    assert all(preset(core).core.kind == core for core in CORES)


def test_every_core_runs_in_every_regime_with_every_seed() -> None:
    found = list(cells(("flat", "asura"), 2, REGIMES))
    names = [cell.name for cell in found]
    assert len(names) == len(set(names)) == (1 + 3 * 2) * 2  # the reference runs too, at equal time
    # What the steps of the others follow from comes first.
    assert names[0] == f"time-{REFERENCE}-0"
    assert [cell.regime for cell in found[:7]] == ["time"] * 3 + ["flops"] * 2 + ["parameters"] * 2
    alone = [cell.name for cell in cells(("flat",), 1, ("flops",))]
    assert alone == [f"time-{REFERENCE}-0", "flops-flat-0"]


def test_seeds_change_nothing_but_the_seed() -> None:
    networks = {core: settings_of(core) for core in (REFERENCE, "flat")}
    first, second = (cell_config(Cell(regime="time", core="flat", seed=seed), BASE, networks) for seed in (0, 1))
    assert dataclasses.replace(first, seed=1) == second and first.network == core_settings("flat")


def test_equal_operations() -> None:
    flat, deq = settings_of("flat"), settings_of(REFERENCE)
    cell = Cell(regime="flops", core="flat", seed=0)
    plan = cell_plan(cell, flat, deq, PLAN, reference_steps=1000)
    assert plan.steps is not None
    spent = plan.steps * flops_per_position(flat.network)[0]
    assert abs(spent / (1000 * flops_per_position(deq.network)[0]) - 1) < 0.01
    assert (plan.decay_share, plan.clock) == (0.4, "wall") and plan.minutes > PLAN.minutes
    with pytest.raises(ValueError, match="time-deq-0"):
        cell_plan(cell, flat, deq, PLAN, reference_steps=None)


def test_equal_time_and_equal_positions() -> None:
    flat, deq = settings_of("flat"), settings_of(REFERENCE)
    assert cell_plan(Cell(regime="time", core="flat", seed=0), flat, deq, PLAN, None) == PLAN
    assert cell_plan(Cell(regime="parameters", core="flat", seed=0), flat, deq, PLAN, 70).steps == 70


@pytest.mark.slow
def test_equal_parameters() -> None:
    flat, wanted = core_settings("flat"), count_parameters(core_settings("deq"))
    found = matched_to(flat, wanted)
    assert abs(count_parameters(found) / wanted - 1) <= 0.02 < abs(count_parameters(flat) / wanted - 1)
    assert dataclasses.replace(found, width=flat.width, hidden_width=flat.hidden_width) == flat
    with pytest.raises(ValueError, match="flat has 100 parameters"):
        matched_to(flat, 100)
