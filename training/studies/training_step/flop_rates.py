"""Floating-point operations of a training step, and how many a second the device could make.

Operations are counted in the matrix products of the step as it is traced: XLA's cost analysis of the compiled step
counts the body of a loop once, however often the solver runs it.
"""

import jax
import jax.numpy as jnp

from training.distillation.distillation_config import RunConfig
from training.studies.cores.network_costs import count_flops, update_and_shapes
from training.studies.interleaved_timing import Clock, seconds_of

_TRIES, _PRODUCTS = 3, 8
# Large enough to keep the device busy, small enough to take less than a second.
_SIZE_ON_CPU, _SIZE_ON_ACCELERATOR = 2048, 8192


def step_flops(config: RunConfig) -> int:
    """Returns the operations of one update: forward, backward and optimiser, with the most solver steps."""
    update, shapes = update_and_shapes(config)
    return count_flops(update, *shapes, while_trips=config.network.own_steps)


def possible_flops_per_s(arithmetic: str, clock: Clock) -> float:
    """Measures large square products on this device and returns operations a second, of the fastest of some tries.

    Args:
      arithmetic: of the network; products of float32, or else of bfloat16.
      clock: as for `seconds_of`.
    """
    size = _SIZE_ON_CPU if jax.default_backend() == "cpu" else _SIZE_ON_ACCELERATOR
    number_format = jnp.float32 if arithmetic == "float32" else jnp.bfloat16
    # Products keep the size of what they are multiplied with.
    factor = (jax.random.normal(jax.random.key(0), (size, size)) * size**-0.5).astype(number_format)

    @jax.jit
    def products(x: jax.Array) -> jax.Array:
        return jax.lax.fori_loop(0, _PRODUCTS, lambda _, y: y @ factor, x)

    def run() -> None:
        jax.block_until_ready(products(factor))

    run()  # compiles
    return _PRODUCTS * 2 * size**3 / min(seconds_of(run, clock) for _ in range(_TRIES))


def rate_line(name: str, flops: float, seconds: float, possible_per_s: float, clock: Clock) -> str:
    """Describes the operations a second of a step beside the possible ones.

    Args:
      name: of the way to make the step.
      flops: of the step.
      seconds: it takes, by the clock.
      possible_per_s: operations a second that the device can make.
      clock: name of the clock.
    """
    unit = "GFLOP/s" if clock == "wall" else "GFLOP per processor second"
    rate = flops / seconds
    return (
        f"{name}: {flops / 1e9:,.1f} GFLOP of products a step, {rate / 1e9:,.1f} {unit}, "
        f"{rate / possible_per_s:.0%} of the {possible_per_s / 1e9:,.1f} that large products reach"
    )
