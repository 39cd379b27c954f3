"""Defines the settings of each core: how it iterates, and which of its mechanisms are on.

`kind` names the core in saved settings. Shape and arithmetic are the network's; `blocks` of the network is the number
of blocks in one iteration of every core. A core that extrapolates can be played with more iterations than it was
trained with; one whose parameters belong to an iteration cannot.
"""

import dataclasses
from typing import ClassVar, Literal, Self

from engine.solver_config import Gradient, KeptStates, PhantomGradient, SolverConfig, UnrolledGradient


def _require(name: str, value: float, is_allowed: bool, allowed: str) -> None:
    if not is_allowed:
        raise ValueError(f"expected {name} {allowed}, got {value!r}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExitConfig:
    """Ends a position after one application of f where another is expected to change little; see `early_exit.py`."""

    # Expected change of the policy at or below which a position is done, in nats; any finite number.
    threshold: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeqConfig:
    """Deep equilibrium: the blocks are repeated until the state no longer changes."""

    extrapolates: ClassVar[bool] = True
    can_stop_early: ClassVar[bool] = True
    kind: Literal["deq"] = "deq"
    # How the fixed point is searched for.
    solver: SolverConfig = SolverConfig()
    # How gradients pass through it.
    gradient: Gradient = PhantomGradient()
    # Exit after the first application; none in training, where it would hide the later ones.
    exit: ExitConfig | None = None

    def __post_init__(self) -> None:
        """Raises ValueError for an exit beside a gradient whose steps it cannot leave out."""
        if self.exit is not None and not isinstance(self.gradient, PhantomGradient):
            raise ValueError(f"expected a phantom gradient beside an exit, got {self.gradient.kind}")

    @property
    def iterations(self) -> int:
        """K, the most iterations before a limit at run time."""
        return self.gradient.steps if isinstance(self.gradient, UnrolledGradient) else self.solver.max_steps

    @property
    def extra_steps(self) -> int:
        """Steps that the statistics count beyond the solver's; beside an exit, those of the gradient."""
        return self.gradient.steps if self.exit is not None and isinstance(self.gradient, PhantomGradient) else 0

    @property
    def tolerance(self) -> float:
        """Relative residual at which a board has converged."""
        return self.solver.tolerance

    def with_tolerance(self, tolerance: float) -> "DeqConfig":
        """Returns the same core with another tolerance as its only stop rule, without an exit."""
        return dataclasses.replace(self, solver=dataclasses.replace(self.solver, tolerance=tolerance), exit=None)


@dataclasses.dataclass(frozen=True, kw_only=True)
class UnrolledConfig:
    """Settings that all cores share whose gradient passes through every iteration."""

    extrapolates: ClassVar[bool]
    can_stop_early: ClassVar[bool] = True
    extra_steps: ClassVar[int] = 0
    # K, most iterations.
    iterations: int
    # Relative residual of the last iteration at which a board counts as converged; it stops nothing.
    tolerance: float = 1e-3
    # What the iterations keep for the backward pass.
    kept: KeptStates = KeptStates()

    def __post_init__(self) -> None:
        """Raises ValueError for a value outside its range."""
        _require("iterations", self.iterations, self.iterations >= 1, "at least 1")
        _require("tolerance", self.tolerance, 0 <= self.tolerance < 1, "in [0, 1)")

    def with_tolerance(self, tolerance: float) -> Self:
        """Returns the same core with another tolerance."""
        return dataclasses.replace(self, tolerance=tolerance)


@dataclasses.dataclass(frozen=True, kw_only=True)
class UniversalConfig(UnrolledConfig):
    """Universal transformer: tied blocks, an embedding of the time, halting by position."""

    extrapolates: ClassVar[bool] = True
    kind: Literal["universal"] = "universal"
    # K, most iterations in training.
    iterations: int = 6
    # Add the sinusoidal embedding of the iteration's number.
    time_embedding: bool = True
    # Let each token end when its halting probabilities add up to `threshold`; off: all make K iterations.
    halting: bool = True
    # Halting probability that counts as certain, in (0, 1).
    threshold: float = 0.99
    # First bias of the halting probability's logit.
    halting_bias: float = -1.0

    def __post_init__(self) -> None:
        """Raises ValueError for a value outside its range."""
        super().__post_init__()
        _require("threshold", self.threshold, 0 < self.threshold < 1, "in (0, 1)")


@dataclasses.dataclass(frozen=True, kw_only=True)
class AsuraConfig(UnrolledConfig):
    """ASURA: tied pre-norm blocks whose input, norms and adapters belong to the iteration."""

    extrapolates: ClassVar[bool] = False
    kind: Literal["asura"] = "asura"
    # K, iterations.
    iterations: int = 3
    # ProjConcat: [state; input] times a matrix of the iteration's own; off: their sum.
    projection: bool = True
    # A norm of the iteration's own after each block.
    block_norms: bool = True
    # A norm of the iteration's own after the last block.
    iteration_norms: bool = True
    # Rank r of both factors of an ABBA adapter, whose rank is up to r * r; 0 for none.
    adapter_rank: int = 4

    def __post_init__(self) -> None:
        """Raises ValueError for a value outside its range."""
        super().__post_init__()
        _require("adapter_rank", self.adapter_rank, self.adapter_rank >= 0, "at least 0")


@dataclasses.dataclass(frozen=True, kw_only=True)
class RqzGolfConfig(UnrolledConfig):
    """RQZ-Golf v1: blocks of their own around tied blocks, with U-Net skips."""

    extrapolates: ClassVar[bool] = True
    kind: Literal["rqz_golf"] = "rqz_golf"
    # K, iterations in training; the scale 1 / sqrt(K) stays when more are played.
    iterations: int = 3
    # Blocks of their own before the recursion.
    encoder_blocks: int = 3
    # ... and after it.
    decoder_blocks: int = 4
    # Add an embedding of the iteration, the last one's beyond K.
    iteration_embedding: bool = True
    # Scale what an iteration adds by 1 / sqrt(K).
    scaling: bool = True
    # Add the encoder's outputs to the decoder's inputs, last first.
    skips: bool = True

    def __post_init__(self) -> None:
        """Raises ValueError for a value outside its range."""
        super().__post_init__()
        _require("encoder_blocks", self.encoder_blocks, self.encoder_blocks >= 0, "at least 0")
        _require("decoder_blocks", self.decoder_blocks, self.decoder_blocks >= 0, "at least 0")


@dataclasses.dataclass(frozen=True, kw_only=True)
class GolfRecurrentConfig(UnrolledConfig):
    """The parameter-golf recurrent transformer: tied blocks with many small mechanisms for each pass.

    docs/recursion.md says what each mechanism is here and was in its source.
    """

    extrapolates: ClassVar[bool] = False
    kind: Literal["golf_recurrent"] = "golf_recurrent"
    # K, passes over the blocks.
    iterations: int = 3
    # Heads of keys and values, each shared by heads / key_value_heads queries; 0: as many as heads.
    key_value_heads: int = 2
    # Rotate queries and keys by rank and file.
    rotary: bool = True
    # Rank of the key projection; 0 for full.
    key_rank: int = 32
    # Weights of attention, feed-forward and residual for each pass and block.
    pass_controls: bool = True
    # Add the first block's output to the last block's input, where there are blocks between them.
    skips: bool = True
    # Add a projection of the input to the values of attention.
    value_embedding: bool = True
    # Scale the state by 1 + s cos(square * w).
    resonant_position: bool = True
    # Rank of the gated state that is carried from pass to pass; 0 for none.
    state_rank: int = 16
    # Add a vector times the last exit probability.
    confidence: bool = True
    # Add a running mean of the state's changes.
    gradient_memory: bool = True
    # Rank of the projection of the state's last change; 0 for none.
    difference_rank: int = 16
    # E, experts among which the hidden width is divided; 1 for no routing.
    experts: int = 2
    # Let each token end when its exit probabilities add up to `threshold`.
    exit_gate: bool = True
    # Exit probability that counts as certain, in (0, 1).
    threshold: float = 0.99
    # First bias of the exit probability's logit.
    exit_bias: float = -1.0
    # Start kernels at equal singular values, and outputs of attention and feed-forward small.
    spectral_init: bool = True

    def __post_init__(self) -> None:
        """Raises ValueError for a value outside its range."""
        super().__post_init__()
        _require("experts", self.experts, self.experts >= 1, "at least 1")
        for name in ("key_value_heads", "key_rank", "state_rank", "difference_rank"):
            _require(name, getattr(self, name), getattr(self, name) >= 0, "at least 0")
        _require("threshold", self.threshold, 0 < self.threshold < 1, "in (0, 1)")


@dataclasses.dataclass(frozen=True, kw_only=True)
class FlatConfig(UnrolledConfig):
    """No recursion, the control: the equilibrium core's blocks, each with weights of its own."""

    extrapolates: ClassVar[bool] = False
    can_stop_early: ClassVar[bool] = False
    kind: Literal["flat"] = "flat"
    # Iterations of `blocks` blocks that share nothing.
    iterations: int = 4


CoreConfig = DeqConfig | UniversalConfig | AsuraConfig | RqzGolfConfig | GolfRecurrentConfig | FlatConfig
