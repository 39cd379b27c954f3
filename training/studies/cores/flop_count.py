"""Floating-point operations of a program, counted from its matrix products.

Elementwise work is not counted: it is a few percent, and no two machines agree on what it costs. A loop whose length is
not known to the program, such as a solver's, counts as often as the caller says.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import jax
from jax.extend import core as jax_core


def count_flops(function: Callable[..., Any], *arguments: Any, while_trips: int) -> int:
    """Returns the multiplications and additions of matrix products when a function is applied once.

    Args:
      function: to be traced; nothing is computed.
      arguments: arrays, or their shapes and types.
      while_trips: how often the body of a loop of unknown length is carried out.
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
