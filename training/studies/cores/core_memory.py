"""Measures the memory of a core's gradient by iterations, for every schedule of what the backward pass keeps.

The memory is the one that XLA plans: temporaries of the compiled gradient of the core alone; nothing is computed.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, get_args

import jax
import jax.numpy as jnp

from engine.network.block import Injection
from engine.network.cores.core_configs import DeqConfig
from engine.network.cores.core_registry import CORES
from engine.network.int8 import TRAINING_PRODUCTS
from engine.network.network_config import NetworkConfig
from engine.solver_config import (
    Gradient,
    ImplicitGradient,
    KeepingSchedule,
    KeptStates,
    PhantomGradient,
    SolverConfig,
    UnrolledGradient,
)

# Schedule → how the memory should grow with the iterations.
GROWTH = {
    "implicit": "constant",
    "phantom": "constant",
    "all": "what every iteration computes",
    "state": "one state an iteration",
    "binomial": "constant",
}


class MemoryRow(NamedTuple):
    """Holds the memory of one core in one mode."""

    core: str
    mode: str  # implicit and phantom of the equilibrium core, else the schedule of the unrolled iterations
    bytes_by_iterations: dict[int, int]
    state_bytes: int  # one state of all boards, [B, N, D] float32

    def growth(self) -> float:
        """Returns the mean memory that one more iteration adds, in states."""
        fewest, most = min(self.bytes_by_iterations), max(self.bytes_by_iterations)
        added = self.bytes_by_iterations[most] - self.bytes_by_iterations[fewest]
        return added / (most - fewest) / self.state_bytes


def modes_of(core: str) -> list[str]:
    """Returns the gradient modes of a core."""
    schedules = list(get_args(KeepingSchedule))
    return ["implicit", "phantom", *schedules] if core == "deq" else schedules


def with_mode(config: NetworkConfig, mode: str, iterations: int, places: int) -> NetworkConfig:
    """Returns a network whose core makes that many iterations and whose gradient follows the mode."""
    kept = KeptStates(schedule=mode, places=places) if mode in get_args(KeepingSchedule) else KeptStates()  # type: ignore[arg-type]
    core = config.core
    if not isinstance(core, DeqConfig):
        return dataclasses.replace(config, core=dataclasses.replace(core, iterations=iterations, kept=kept))
    gradient: Gradient = UnrolledGradient(steps=iterations, kept=kept)
    if mode == "implicit":
        gradient = ImplicitGradient(backward=SolverConfig(method="picard", max_steps=iterations))
    elif mode == "phantom":
        gradient = PhantomGradient()
    solver = dataclasses.replace(core.solver, max_steps=iterations)
    return dataclasses.replace(config, core=DeqConfig(solver=solver, gradient=gradient))


def gradient_bytes(config: NetworkConfig, boards: int) -> int:
    """Returns the bytes of temporaries of a core's gradient with respect to its parameters.

    Args:
      config: of the network.
      boards: B.
    """
    core = CORES[config.core.kind](config, TRAINING_PRODUCTS[config.arithmetic])
    count = config.token_count
    shape: Any = jax.ShapeDtypeStruct
    shapes: Any = [(boards, count, config.width), (boards, config.heads, count, count), (boards, count, 2)]
    injection = Injection(*(shape(each, jnp.float32) for each in shapes))

    def loss(params: Any, injection: Injection) -> jax.Array:
        return jnp.mean(jnp.square(core.apply({"params": params}, injection)[0]))

    params = jax.eval_shape(core.init, jax.eval_shape(lambda: jax.random.key(0)), injection)["params"]
    memory: Any = jax.jit(jax.grad(loss)).lower(params, injection).compile().memory_analysis()
    return int(memory.temp_size_in_bytes)


def memory_rows(
    networks: dict[str, NetworkConfig], iterations: Sequence[int], boards: int, places: int
) -> Iterator[MemoryRow]:
    """Yields the memory of every core in every mode, one after another.

    Args:
      networks: of each core, by its name.
      iterations: numbers of iterations to try.
      boards: B.
      places: of the binomial schedule.
    """
    for core, config in networks.items():
        for mode in modes_of(core):
            found = {count: gradient_bytes(with_mode(config, mode, count, places), boards) for count in iterations}
            yield MemoryRow(core, mode, found, 4 * boards * config.token_count * config.width)


def memory_table(rows: Sequence[MemoryRow]) -> str:
    """Returns a table in Markdown: MiB by iterations, and the growth per iteration."""
    counts = sorted(rows[0].bytes_by_iterations)
    titles = [
        "core",
        "gradient",
        *(f"{count} iterations, MiB" for count in counts),
        "states an iteration adds",
        "by its plan",
    ]
    lines = [f"| {' | '.join(titles)} |", f"|{'---|' * len(titles)}"]
    for row in rows:
        sizes = [f"{row.bytes_by_iterations[count] / 2**20:.1f}" for count in counts]
        lines.append(f"| {' | '.join([row.core, row.mode, *sizes, f'{row.growth():.2f}', GROWTH[row.mode]])} |")
    return "\n".join(lines)
