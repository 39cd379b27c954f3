"""Names networks; a preset is a value, and any field can be overridden."""

from engine.network.cores.core_configs import (
    AsuraConfig,
    CoreConfig,
    DeqConfig,
    FlatConfig,
    GolfRecurrentConfig,
    RqzGolfConfig,
    UniversalConfig,
)
from engine.network.network_config import NetworkConfig
from engine.solver_config import ImplicitGradient, KeptStates, PhantomGradient, SolverConfig

_FOUR_STEPS = DeqConfig(solver=SolverConfig(method="picard", max_steps=4, tolerance=1e-2, stagnation_steps=0))
_KEEP_ALL = KeptStates(schedule="all")


def _small(core: CoreConfig, blocks: int, heads: int = 4) -> NetworkConfig:
    """Returns a network of the size of "deq" with another core."""
    return NetworkConfig(width=128, heads=heads, hidden_width=256, blocks=blocks, core=core)


PRESETS: dict[str, NetworkConfig] = {
    # Compiles in seconds; for tests.
    "tiny": NetworkConfig(
        width=32,
        heads=2,
        hidden_width=32,
        blocks=1,
        policy_width=32,
        value_width=16,
        value_bins=16,
        arithmetic="float32",
        core=DeqConfig(solver=SolverConfig(max_steps=4)),
    ),
    # The network that is shipped: trained on a GPU in bfloat16, exported to int8, played on one CPU core.
    "wide": NetworkConfig(
        width=512,
        heads=16,
        hidden_width=1024,
        blocks=3,
        policy_width=128,
        policy_heads=4,
        arithmetic="bfloat16",
        core=DeqConfig(
            solver=SolverConfig(method="picard", max_steps=2, tolerance=1e-2, stagnation_steps=0),
            gradient=PhantomGradient(steps=2),
        ),
    ),
    # A fifth of those weights: two CPU cores can train it.
    "cpu": NetworkConfig(
        width=256,
        heads=8,
        hidden_width=512,
        blocks=2,
        policy_width=96,
        policy_heads=3,
        core=_FOUR_STEPS,
    ),
    # Half as wide, for comparisons and as a start that grows.
    "deq": _small(_FOUR_STEPS, blocks=2),
    # The other cores at that size, whose few iterations can all be kept; see docs/recursion.md.
    "universal": _small(UniversalConfig(iterations=4, kept=_KEEP_ALL), blocks=2),
    "asura": _small(AsuraConfig(iterations=3, kept=KeptStates(schedule="binomial", places=2)), blocks=2),
    "rqz_golf": _small(RqzGolfConfig(iterations=3, encoder_blocks=1, decoder_blocks=1, kept=_KEEP_ALL), blocks=1),
    "golf_recurrent": _small(GolfRecurrentConfig(iterations=3, kept=_KEEP_ALL), blocks=3, heads=8),
    "flat": _small(FlatConfig(iterations=2, kept=_KEEP_ALL), blocks=2),
    # Fills a training step on an 8 GB GPU (RTX 2070, no bfloat16 units).
    "rtx2070": NetworkConfig(
        tokens="squares",
        width=384,
        heads=12,
        hidden_width=768,
        blocks=2,
        gate="dense",
        policy_width=128,
        policy_heads=4,
        value_width=128,
        arithmetic="float32",
        core=DeqConfig(solver=SolverConfig(max_steps=12, tolerance=1e-3), gradient=ImplicitGradient()),
    ),
    # Deeper than "cpu", with full gates and solved more tightly: can teach it.
    "teacher": NetworkConfig(
        width=256,
        heads=8,
        hidden_width=512,
        blocks=3,
        gate="dense",
        policy_width=128,
        policy_heads=4,
        value_width=128,
        arithmetic="bfloat16",
        core=DeqConfig(solver=SolverConfig(max_steps=12, tolerance=1e-3), gradient=PhantomGradient(steps=2)),
    ),
}


def preset(name: str) -> NetworkConfig:
    """Returns a preset.

    Raises:
      ValueError: the name is unknown.
    """
    if name not in PRESETS:
        raise ValueError(f"expected a network preset, one of {', '.join(PRESETS)}, got {name!r}")
    return PRESETS[name]
