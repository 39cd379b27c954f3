"""Computes the costs of a network: parameters, operations per position in training and play, memory of a step.

Floating-point operations are counted from matrix products. Elementwise work is left out: it is a few percent, and no
two machines agree on its cost. A loop whose length the program does not know, such as a solver's, counts as often as
the caller says.
"""

import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import chex
import jax
import jax.numpy as jnp
from jax.extend import core as jax_core

from engine.encoding.move_labels import CELLS
from engine.encoding.position import POSITION_SIZE
from engine.network.model import evaluate
from engine.network.network_config import NetworkConfig
from training.distillation.distillation_config import RunConfig
from training.distillation.learner import make_network, make_state, make_update
from training.packed.device_batches import DeviceBatch
from training.runs.device_mesh import one_device_mesh

_COUNTED = 8  # positions of the programs whose operations are counted; per position nearly the same for any number


@dataclass(frozen=True, kw_only=True)
class NetworkCosts:
    """Holds the costs of one network.

    Attributes:
      parameters: number of trained parameters.
      training_flops: per position of a training step with the most solver steps.
      play_flops: per evaluation with all its iterations.
      memory_bytes: temporaries of a training step on this backend, without parameters and optimiser.
    """

    parameters: int
    training_flops: float
    play_flops: float
    memory_bytes: int


def param_shapes(config: NetworkConfig) -> chex.ArrayTree:
    """Returns shapes and types of a network's parameters in training form, without computing them."""
    position = jax.ShapeDtypeStruct((1, POSITION_SIZE), jnp.int8)
    key = jax.eval_shape(lambda: jax.random.key(0))
    return jax.eval_shape(make_network(config).init, key, position)["params"]


def count_parameters(config: NetworkConfig) -> int:
    """Returns the number of trained parameters."""
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(param_shapes(config)))


def flops_per_position(config: NetworkConfig) -> tuple[float, float]:
    """Returns the operations per position in training, forward and backward, and in play."""
    network, shapes = make_network(config), param_shapes(config)
    positions = jax.ShapeDtypeStruct((_COUNTED, POSITION_SIZE), jnp.int8)

    def heard(params: chex.ArrayTree, positions: jax.Array) -> jax.Array:
        output = evaluate(network, params, positions)
        return jnp.sum(output.policy_logits) + jnp.sum(output.wdl_logits) + jnp.sum(output.score_logits)

    count = functools.partial(count_flops, while_trips=config.own_steps)
    training = count(jax.grad(heard), shapes, positions)
    play = count(functools.partial(evaluate, network), shapes, positions)
    return training / _COUNTED, play / _COUNTED


def update_and_shapes(config: RunConfig) -> tuple[Any, tuple[Any, DeviceBatch]]:
    """Returns a training step, jitted, and the shapes of the state and the batch that it takes."""
    rows = config.batch_size
    shapes = ((POSITION_SIZE,), (CELLS,), (CELLS,), (), ())
    types = (jnp.int8, jnp.float32, jnp.bool_, jnp.float32, jnp.float32)
    blank: Any = jax.ShapeDtypeStruct
    batch = DeviceBatch(*(blank((rows, *shape), kind) for shape, kind in zip(shapes, types, strict=True)))
    return make_update(config, one_device_mesh()), (jax.eval_shape(lambda: make_state(config)), batch)


def network_costs(config: RunConfig) -> NetworkCosts:
    """Returns the costs of a run's network at the run's batch size; compiles its training step."""
    training, play = flops_per_position(config.network)
    update, shapes = update_and_shapes(config)
    return NetworkCosts(
        parameters=count_parameters(config.network),
        training_flops=training,
        play_flops=play,
        memory_bytes=int(update.lower(*shapes).compile().memory_analysis().temp_size_in_bytes),
    )


def count_flops(function: Callable[..., Any], *arguments: Any, while_trips: int) -> int:
    """Returns the multiplications and additions in the matrix products of one call of a function.

    Args:
      function: to be traced; nothing is computed.
      arguments: arrays, or their shapes and types.
      while_trips: iterations to assume for a loop of unknown length.
    """
    return _flops(jax.make_jaxpr(function)(*arguments).jaxpr, while_trips)


def _flops(jaxpr: Any, while_trips: int) -> int:
    return sum(_flops_of_equation(equation, while_trips) for equation in jaxpr.eqns)


def _flops_of_equation(equation: Any, while_trips: int) -> int:
    name, params = equation.primitive.name, equation.params
    if name == "dot_general":
        ((contracted, _), _) = params["dimension_numbers"]
        inner = math.prod(equation.invars[0].aval.shape[axis] for axis in contracted)
        return 2 * inner * math.prod(equation.outvars[0].aval.shape)
    if name == "cond":
        # The branches that skip work are the cheaper ones.
        return max(_flops(branch.jaxpr, while_trips) for branch in params["branches"])
    inner_flops = sum(_flops(jaxpr, while_trips) for jaxpr in _inner(params))
    if name == "scan":
        return int(params["length"]) * inner_flops
    return while_trips * inner_flops if name == "while" else inner_flops


def _inner(params: dict[str, Any]) -> Iterator[Any]:
    for value in params.values():
        for each in value if isinstance(value, tuple | list) else (value,):
            if isinstance(each, jax_core.ClosedJaxpr):
                yield each.jaxpr
            elif isinstance(each, jax_core.Jaxpr):
                yield each
