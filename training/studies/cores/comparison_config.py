"""Settings of a comparison of cores; the command line reads them without loading JAX."""

import dataclasses
from typing import Literal, get_args

from training.distillation.distillation_config import RunConfig

# Equal in what; comparison_cells.py says how.
Regime = Literal["time", "flops", "parameters"]
REGIMES: tuple[Regime, ...] = get_args(Regime)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ComparisonConfig:
    """Says what is compared, on which data, and for how long."""

    # Data, batch size and optimiser of every run; its network is not used.
    run: RunConfig
    # Cores to compare, by name.
    cores: tuple[str, ...]
    # Runs of every core in every regime.
    seeds: int = 3
    # Regimes: what is made equal.
    regimes: tuple[Regime, ...] = REGIMES
    # Minutes of a run in the time regime, compiling excluded, and the clock that counts them.
    minutes: float = 3.0
    clock: str = "wall"
    # Share of a run in which the learning rate falls to zero.
    decay_share: float = 0.4
    # Changes to the network of every core, as `--set` takes them, such as "arithmetic=bfloat16".
    network_overrides: tuple[str, ...] = ()
    # File of positions whose every move has a value, and how many of them are used; 0 for all.
    positions: str = ""
    most_positions: int = 0
    # File of Lichess puzzles, empty for none, and how many of them are used.
    puzzles: str = ""
    most_puzzles: int = 2000
