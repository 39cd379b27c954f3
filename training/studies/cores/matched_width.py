"""A core with as many parameters as another one: found by its widths, everything else as it is."""

import dataclasses

from engine.network.cores.core_configs import GolfRecurrentConfig
from engine.network.network_config import NetworkConfig
from training.studies.cores.network_costs import count_parameters

_TOLERANCE = 0.02  # of the parameters
_HIDDEN_STEP = 8


def matched_to(config: NetworkConfig, parameters: int) -> NetworkConfig:
    """Returns a network of the same core and a given size, its hidden layers near twice its width.

    Args:
      config: its core, depth and heads stay.
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
    """Returns the network of a width with the hidden width that comes nearest, and its parameters."""
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
