"""Registers the cores, which all keep one contract.

A core is a linen module of the network's settings, a product and a bound on the steps. Called with the injected board
`[B, N, D]` and, if wanted, a limit on the steps, it returns the state `[B, N, D]` that the heads read and the solver's
statistics of each board: the residual of what is returned, the iterations made, and whether the residual is within the
tolerance. `watch` traces the states on the way. A core may sow losses of its own, which training
weights, as pairs of a total and a divisor.
"""

from engine.network.cores.asura import AsuraCore
from engine.network.cores.deq import DeqCore, FlatCore
from engine.network.cores.golf_recurrent import GolfRecurrentCore
from engine.network.cores.rqz_golf import RqzGolfCore
from engine.network.cores.universal import UniversalCore
from engine.network.cores.unrolled_core import UnrolledCore
from engine.network.network_config import NetworkConfig

Core = DeqCore | UnrolledCore

CORES: dict[str, type[DeqCore] | type[UnrolledCore]] = {
    "deq": DeqCore,
    "universal": UniversalCore,
    "asura": AsuraCore,
    "rqz_golf": RqzGolfCore,
    "golf_recurrent": GolfRecurrentCore,
    "flat": FlatCore,
}


class StepLimitError(ValueError):
    """Reports, in one line, that a core cannot make so many iterations."""


def check_step_limit(config: NetworkConfig, steps: int) -> None:
    """Refuses a number of iterations that a network's core cannot make.

    Args:
      config: of the network.
      steps: at least 1.

    Raises:
      StepLimitError: the core cannot.
    """
    core, own = config.core, config.own_steps
    if not core.can_stop_early and steps != own:
        raise StepLimitError(f"expected {own} steps from the core {core.kind}, which has no recursion, got {steps}")
    if not core.extrapolates and steps > own:
        raise StepLimitError(
            f"expected at most {own} steps from the core {core.kind}, whose iterations have parameters of their own, "
            f"got {steps}"
        )
