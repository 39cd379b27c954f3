"""Settings of the fixed-point solver and of the gradients through its solution; `engine.fixed_point` exports them.

They stand apart from the solver so that command lines can read settings without JAX.
"""

import dataclasses
from typing import Literal, get_args

SolverMethod = Literal["anderson", "picard", "broyden"]
KeepingSchedule = Literal["all", "state", "binomial"]


def _require(name: str, value: float, is_allowed: bool, allowed: str) -> None:
    if not is_allowed:  # NaN fails every comparison above, so it is refused too.
        raise ValueError(f"expected {name} {allowed}, got {value!r}")


def _require_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"expected {name} to be one of {', '.join(choices)}, got {value!r}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class SolverConfig:
    """Sets how a fixed point is searched for and when the search of a sample ends."""

    # Update rule; see engine/fixed_point/{solver,anderson,broyden}.py.
    method: SolverMethod = "anderson"
    # Most evaluations of f, at least 1.
    max_steps: int = 16
    # A sample is done at ||f(z) - z|| / ||f(z)|| <= tolerance; 0 asks for an exact fixed point.
    tolerance: float = 1e-3
    # M, the number of past pairs (Anderson) or rank-one updates (Broyden) kept; Picard keeps none.
    memory: int = 5
    # Fraction of the step that is taken, in (0, 1]; 1 is undamped.
    damping: float = 1.0
    # Anderson's regularisation relative to the mean diagonal of the Gram matrix, in (0, 1].
    ridge: float = 1e-4
    # A sample stops after this many steps without notable progress; 0 never stops for that.
    stagnation_steps: int = 3
    # Progress is notable when the residual falls below this share of the last milestone, in (0, 1].
    stagnation_ratio: float = 0.9

    def __post_init__(self) -> None:
        """Raises ValueError for a value outside its range."""
        _require_choice("method", self.method, get_args(SolverMethod))
        _require("max_steps", self.max_steps, self.max_steps >= 1, "at least 1")
        _require("tolerance", self.tolerance, 0 <= self.tolerance < 1, "in [0, 1)")
        _require("memory", self.memory, 1 <= self.memory <= 32, "from 1 to 32")
        _require("damping", self.damping, 0 < self.damping <= 1, "in (0, 1]")
        _require("ridge", self.ridge, 0 < self.ridge <= 1, "in (0, 1]")
        steps, ratio = self.stagnation_steps, self.stagnation_ratio
        _require("stagnation_steps", steps, steps >= 0, "at least 0")
        _require("stagnation_ratio", ratio, 0 < ratio <= 1, "in (0, 1]")


@dataclasses.dataclass(frozen=True, kw_only=True)
class KeptStates:
    """Sets what a loop keeps for the gradient through its steps; see engine/fixed_point/unrolled.py."""

    # all: everything that every step computed; state: the state before every step; binomial: `places` states.
    schedule: KeepingSchedule = "state"
    # States kept beside the first one; binomial only.
    places: int = 4

    def __post_init__(self) -> None:
        """Raises ValueError for a value outside its range."""
        _require_choice("schedule", self.schedule, get_args(KeepingSchedule))
        _require("places", self.places, 0 <= self.places <= 64, "from 0 to 64")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImplicitGradient:
    """Computes the exact gradient of the fixed point by a second solve at the solution."""

    kind: Literal["implicit"] = "implicit"
    # Solver of the linear equation u = v + J^T u.
    backward: SolverConfig = SolverConfig(tolerance=1e-4)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PhantomGradient:
    """Differentiates through a few damped steps taken after the solve."""

    kind: Literal["phantom"] = "phantom"
    # k, differentiated steps at the solution.
    steps: int = 1
    # Fraction of each of these steps that is taken, in (0, 1].
    damping: float = 1.0

    def __post_init__(self) -> None:
        """Raises ValueError for a value outside its range."""
        _require("steps", self.steps, self.steps >= 1, "at least 1")
        _require("damping", self.damping, 0 < self.damping <= 1, "in (0, 1]")


@dataclasses.dataclass(frozen=True, kw_only=True)
class UnrolledGradient:
    """Differentiates through every iteration; damped steps take the place of the solver."""

    kind: Literal["unroll"] = "unroll"
    # Iterations.
    steps: int = 16
    # Fraction of each step that is taken, in (0, 1].
    damping: float = 1.0
    # What the iterations keep for the backward pass.
    kept: KeptStates = KeptStates()

    def __post_init__(self) -> None:
        """Raises ValueError for a value outside its range."""
        _require("steps", self.steps, self.steps >= 1, "at least 1")
        _require("damping", self.damping, 0 < self.damping <= 1, "in (0, 1]")


# How the gradient through a fixed point is computed; see engine/fixed_point/gradients.py.
Gradient = ImplicitGradient | PhantomGradient | UnrolledGradient
