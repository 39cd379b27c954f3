"""A network as self-play on a processor has it: one iteration, products in bfloat16."""

import dataclasses

from engine.fixed_point.solver_config import SolverConfig
from engine.network.cores.core_configs import DeqConfig
from engine.network.network_config import NetworkConfig


def with_one_iteration(config: NetworkConfig) -> NetworkConfig:
    """Returns a network's settings with one iteration and products in bfloat16; other cores keep their iterations.

    Int8 products and all its iterations play alike and take several times as long.
    """
    if not isinstance(config.core, DeqConfig):
        return dataclasses.replace(config, arithmetic="bfloat16")
    once = SolverConfig(method="picard", max_steps=1, tolerance=0.0, stagnation_steps=0)
    return dataclasses.replace(config, arithmetic="bfloat16", core=dataclasses.replace(config.core, solver=once))
