"""Memory against iterations is what each schedule promises, for every core, as XLA plans it."""

from typing import Any

import jax
import pytest

from engine.network.cores.core_configs import DeqConfig
from engine.network.cores.core_registry import CORES
from engine.network.cores.golf_recurrent import GolfRecurrentCore
from engine.network.network_config import NetworkConfig
from tests.doubles.tiny_cores import core_of, core_params, core_settings, tiny_injection
from training.studies.cores.core_memory import GROWTH, MemoryRow, memory_rows, memory_table, modes_of, with_mode

ITERATIONS, BOARDS, PLACES = (4, 8, 16), 64, 2
CASES = [(core, mode) for core in CORES for mode in modes_of(core)]


def states_carried(config: NetworkConfig) -> float:
    """Returns the size of all that an unrolled core hands from one iteration to the next, in states `[B, N, D]`."""
    if config.core.kind == "deq":
        return 1.0

    def begin(core: Any) -> Any:
        begun = core.begin(tiny_injection())
        return begun.z, begun.memory

    carried = jax.eval_shape(
        lambda params: core_of(config).apply({"params": params}, method=begin), core_params(config)
    )
    return sum(leaf.size for leaf in jax.tree.leaves(carried)) / carried[0].size


def measured(core: str, mode: str, monkeypatch: pytest.MonkeyPatch) -> MemoryRow:
    monkeypatch.setattr("training.studies.cores.core_memory.modes_of", lambda _: [mode])
    (row,) = memory_rows({core: core_settings(core)}, ITERATIONS, BOARDS, PLACES)
    return row


@pytest.mark.slow
@pytest.mark.parametrize(("core", "mode"), CASES, ids=lambda value: str(value))
def test_memory_grows_as_promised(core: str, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    row = measured(core, mode, monkeypatch)
    few, some, many = (row.bytes_by_iterations[count] for count in ITERATIONS)
    if GROWTH[mode] == "constant":
        # Gradients of parameters of an iteration's own are all that may grow.
        assert row.growth() < 0.25, row
    elif mode == "state":
        # The mean that halting makes is only added to: no gradient needs its old values, and XLA drops them.
        kept = states_carried(core_settings(core)) - (core in ("universal", "golf_recurrent"))
        assert 0.9 * kept < row.growth() < 1.3 * kept + 0.5, row
    else:
        assert row.growth() > 4, row
        # Linear: twice the iterations, twice the growth.
        assert (many - some) == pytest.approx(2 * (some - few), rel=0.1), row


def test_modes_change_nothing_but_what_is_kept() -> None:
    for core in CORES:
        for mode in modes_of(core):
            config = with_mode(core_settings(core), mode, iterations=5, places=2)
            assert config.own_steps == 5 and config.core.kind == core
            gradient: Any = config.core.gradient if isinstance(config.core, DeqConfig) else config.core
            assert mode == (gradient.kind if mode in ("implicit", "phantom") else gradient.kept.schedule)


def test_the_table_says_what_an_iteration_adds() -> None:
    row = MemoryRow("asura", "state", {4: 4 * 2**20, 8: 6 * 2**20}, state_bytes=2**19)
    assert row.growth() == 1.0
    head, _, line = memory_table([row]).splitlines()
    assert line == "| asura | state | 4.0 | 6.0 | 1.00 | one state an iteration |"
    assert head.count("|") == line.count("|")


def test_the_golf_core_carries_what_its_mechanisms_need() -> None:
    def carried(**changes: Any) -> float:
        return states_carried(core_settings("golf_recurrent", **changes))

    assert issubclass(CORES["golf_recurrent"], GolfRecurrentCore)
    # State, momentum, state before the last pass and the mean of exits, and a few numbers a token.
    assert 4 < carried() < 4.5
    assert 1 < carried(exit_gate=False, gradient_memory=False, difference_rank=0) < 1.5
