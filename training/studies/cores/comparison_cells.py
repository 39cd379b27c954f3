"""Defines the runs of a comparison of cores and their settings, widths that match in parameters included.

There are three regimes, each with every core and every seed:

* time: every core is trained for the same time;
* flops: for the floating-point operations that the reference core makes in that time;
* parameters: with widths that give it as many parameters as the reference core, on as many positions as that one saw.

The runs of the reference core at equal time also count in the other two, since the others are made equal to them.
Runs of one seed see the same positions in the same order.
"""

import dataclasses
from collections.abc import Iterator, Mapping

from engine.network.cores.core_configs import GolfRecurrentConfig
from engine.network.network_config import NetworkConfig
from engine.network.network_presets import preset
from training.distillation.distillation_config import RunConfig
from training.runs.run_clock import Plan
from training.studies.cores.comparison_config import REGIMES, Regime
from training.studies.cores.network_costs import count_parameters, flops_per_position

REFERENCE = "deq"

_TOLERANCE = 0.02  # of the parameters

_HIDDEN_STEP = 8


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cell:
    """Identifies one run of a comparison."""

    regime: Regime
    core: str
    seed: int

    @property
    def name(self) -> str:
        """The name of its folder."""
        return f"{self.regime}-{self.core}-{self.seed}"


def cells(cores: tuple[str, ...], seeds: int, regimes: tuple[Regime, ...]) -> Iterator[Cell]:
    """Yields the runs, each after those whose results it needs: seed by seed, the time regime first."""
    others = [core for core in cores if core != REFERENCE]
    for seed in range(seeds):
        yield Cell(regime="time", core=REFERENCE, seed=seed)
        for regime in (regime for regime in REGIMES if regime in regimes):
            yield from (Cell(regime=regime, core=core, seed=seed) for core in others)


def cell_config(cell: Cell, base: RunConfig, networks: Mapping[str, RunConfig]) -> RunConfig:
    """Returns the settings of a run.

    Args:
      cell: the run.
      base: data, batch size and optimiser.
      networks: settings with the network of each core in its preset's shape.
    """
    network = networks[cell.core].network
    if cell.regime == "parameters":
        network = matched_to(network, count_parameters(networks[REFERENCE].network))
    return dataclasses.replace(base, network=network, seed=cell.seed)


def cell_plan(cell: Cell, config: RunConfig, reference: RunConfig, timed: Plan, reference_steps: int | None) -> Plan:
    """Returns the plan of a run.

    Args:
      cell: the run.
      config: its settings.
      reference: settings of the reference core.
      timed: the plan of the time regime.
      reference_steps: batches that the reference core saw in that time; None while they are not known.

    Raises:
      ValueError: the run needs the reference's steps and they are not known.
    """
    if cell.regime == "time":
        return timed
    if reference_steps is None:
        raise ValueError(f"expected the run time-{REFERENCE}-0 to be finished before {cell.name}")
    steps = reference_steps
    if cell.regime == "flops":
        ratio = flops_per_position(reference.network)[0] / flops_per_position(config.network)[0]
        steps = max(1, round(steps * ratio))
    # Steps end this run; a hundredfold of the time would be a fault.
    return dataclasses.replace(timed, minutes=100 * timed.minutes, steps=steps)


def networks_of(cores: tuple[str, ...], base: RunConfig) -> dict[str, RunConfig]:
    """Returns the settings of each core, in the shape of the preset with its name; includes the reference."""
    return {core: dataclasses.replace(base, network=preset(core)) for core in (REFERENCE, *cores)}


def matched_to(config: NetworkConfig, parameters: int) -> NetworkConfig:
    """Returns a network of the same core with a given number of parameters, hidden layers near twice its width.

    Args:
      config: its core, depth and heads are kept.
      parameters: wanted.

    Raises:
      ValueError: no width comes within 2 %.
    """
    step = config.heads * (4 if isinstance(config.core, GolfRecurrentConfig) and config.core.rotary else 1)
    step = max(step, 8 // config.heads * config.heads)
    candidates = []
    for width in range(step, 4 * config.width + 1, step):
        found, size = _with_width(config, width, parameters)
        if abs(size - parameters) <= _TOLERANCE * parameters:
            candidates.append(found)
        elif size > parameters:
            break
    if not candidates:
        raise ValueError(f"expected a width at which {config.core.kind} has {parameters} parameters ± 2 %, found none")
    return min(candidates, key=lambda found: abs(found.hidden_width / found.width - 2.0))


def _with_width(config: NetworkConfig, width: int, parameters: int) -> tuple[NetworkConfig, int]:
    """Returns the network of a width whose hidden width comes nearest, and its number of parameters."""
    small, large = (
        dataclasses.replace(config, width=width, hidden_width=hidden) for hidden in (_HIDDEN_STEP, 2 * _HIDDEN_STEP)
    )
    least = count_parameters(small)
    if least >= parameters:
        return small, least
    # The number of parameters is linear in the hidden width.
    per_step = count_parameters(large) - least
    steps = round((parameters - least) / per_step)
    return dataclasses.replace(small, hidden_width=_HIDDEN_STEP * (1 + steps)), least + steps * per_step
