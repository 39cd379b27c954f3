"""Defines the settings of a network, which are saved beside its weights.

Precision policy. Parameters are float32. Projections inside the recursion multiply int8 by int8 into int32 (trained so
by AQT, served from int8 kernels) or bfloat16 by bfloat16 into float32, as `arithmetic` says. Norm statistics, attention
logits, softmax, the solver's residuals and Gram matrices, heads and losses are float32.
"""

import dataclasses
from typing import Any, Literal

from engine.network.cores.core_configs import CoreConfig, DeqConfig, GolfRecurrentConfig

TokenSet = Literal["pieces", "squares"]
GateKind = Literal["dense", "channel", "none"]
Arithmetic = Literal["float32", "bfloat16", "int8"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """Shape and arithmetic of a RecurseZero network."""

    # Tokens of the trunk: the pieces, 16 slots a side (N = 32), or all squares (N = 64).
    tokens: TokenSet = "pieces"
    # D, width of a token.
    width: int = 128
    # H, attention heads; D / H is the head width.
    heads: int = 4
    # Width of the hidden layer of a feed-forward part.
    hidden_width: int = 256
    # The recursion: one of the cores of engine/network/cores/core_registry.py, with its settings.
    core: CoreConfig = DeqConfig()
    # Blocks in one iteration; they differ, and a recursive core shares their weights among all iterations.
    blocks: int = 2
    # Gate at each residual of the cores deq and flat: GTrXL with full matrices, with one weight a channel, or plain
    # addition.
    gate: GateKind = "channel"
    # b_g of the gate; above 0.5 it slows the iteration without moving its fixed point.
    gate_bias: float = 0.0
    # Width of a square in the policy head, and of the queries and keys whose product is the policy.
    policy_width: int = 64
    # Attention heads of the policy head.
    policy_heads: int = 2
    # Hidden width of the value head.
    value_width: int = 64
    # Bins of the value head over the expected score 0..1.
    value_bins: int = 64
    # Products of the projections inside the recursion and of the policy head's square encoder.
    arithmetic: Arithmetic = "int8"

    def __post_init__(self) -> None:
        """Raises ValueError where fields contradict each other."""
        for name in (
            "width",
            "heads",
            "hidden_width",
            "blocks",
            "policy_width",
            "policy_heads",
            "value_width",
            "value_bins",
        ):
            if getattr(self, name) < 1:
                raise ValueError(f"expected {name} to be at least 1, got {getattr(self, name)}")
        for width, heads in (("width", "heads"), ("policy_width", "policy_heads")):
            if getattr(self, width) % getattr(self, heads):
                raise ValueError(
                    f"expected {width} to be a multiple of {heads} ({getattr(self, heads)}), got {getattr(self, width)}"
                )
        if not 0 <= self.gate_bias <= 0.5:
            raise ValueError(f"expected gate_bias in [0, 0.5], got {self.gate_bias}")
        if isinstance(self.core, GolfRecurrentConfig):
            self._check_grouped_heads(self.core)

    def _check_grouped_heads(self, core: GolfRecurrentConfig) -> None:
        shared, head_width = core.key_value_heads, self.width // self.heads
        if shared and self.heads % shared:
            raise ValueError(f"expected heads to be a multiple of key_value_heads ({shared}), got {self.heads}")
        if core.rotary and head_width % 4:
            raise ValueError(f"expected a head width that is a multiple of 4 for rotary, got {head_width}")
        if self.hidden_width % core.experts:
            raise ValueError(f"expected hidden_width to be a multiple of experts, got {self.hidden_width}")

    @property
    def own_steps(self) -> int:
        """I, the most iterations that the network makes without a limit at run time."""
        return self.core.iterations

    @property
    def token_count(self) -> int:
        """N, the number of tokens."""
        return 32 if self.tokens == "pieces" else 64


# Fields of each kind of gradient, in the settings before format 4.
_OLD_GRADIENT_FIELDS = {
    "implicit": ("backward",),
    "phantom": ("steps", "damping"),
    "unroll": ("steps", "damping", "kept"),
}


def upgraded_settings(settings: Any) -> Any:
    """Returns saved settings of a network in today's form.

    Before format 4 every network had a solver and a gradient beside its core; now the core has those that it uses.
    Before format 5 no equilibrium had an exit.

    Args:
      settings: decoded JSON; settings of no older form come back as they are, right or wrong.
    """
    moved = _with_solver_in_core(settings)
    core = moved.get("core") if isinstance(moved, dict) else None
    if isinstance(core, dict) and core.get("kind") == "deq" and "exit" not in core:
        return {**moved, "core": {**core, "exit": None}}
    return moved


def _with_solver_in_core(settings: Any) -> Any:
    if not (isinstance(settings, dict) and {"core", "solver", "gradient"} <= settings.keys()):
        return settings
    rest = {name: value for name, value in settings.items() if name not in ("solver", "gradient")}
    core, solver, gradient = settings["core"], settings["solver"], settings["gradient"]
    try:
        if core["kind"] != "deq":
            return {**rest, "core": {**core, "tolerance": solver["tolerance"], "kept": gradient["kept"]}}
        fields = {name: gradient[name] for name in _OLD_GRADIENT_FIELDS[gradient["mode"]]}
        return {**rest, "core": {**core, "solver": solver, "gradient": {"kind": gradient["mode"], **fields}}}
    except (KeyError, TypeError):
        return settings  # damaged; reading it names the field
