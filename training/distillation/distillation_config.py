"""The settings of a distillation run, saved in its folder."""

import dataclasses

from engine.network.cores.core_configs import DeqConfig
from engine.network.network_config import NetworkConfig


def _refuse_negative(config: object, place: str, names: tuple[str, ...]) -> None:
    for name in names:
        if not getattr(config, name) >= 0:
            raise ValueError(f"expected {place}.{name} of at least 0, got {getattr(config, name)}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class SourceConfig:
    """One packed set in the mixture."""

    # Packed set.
    folder: str
    # Share of each batch, relative to the other sources.
    weight: float
    # Temperature of the policy target, in expected score.
    tau: float = 0.05
    # Whether the values of the moves are scores; those of puzzles only mark the solution.
    has_scores: bool = True


@dataclasses.dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """AdamW, or Muon for the matrices; the learning rate's course is in training/runs/schedule.py."""

    # "muon" for matrices of the trunk and AdamW for the rest, or AdamW for all.
    name: str = "muon"
    # Peak learning rate of AdamW.
    learning_rate: float = 2e-3
    # Peak learning rate of Muon's matrices.
    muon_learning_rate: float = 8e-3
    # Steps of linear warm-up.
    warmup_steps: int = 200
    # Decoupled weight decay of matrices.
    weight_decay: float = 0.02
    # Largest global gradient norm.
    clip_norm: float = 10.0

    def __post_init__(self) -> None:
        """Raises ValueError for an unknown optimiser and a number out of range."""
        if self.name not in ("adamw", "muon"):
            raise ValueError(f"expected optimizer.name to be one of adamw, muon, got {self.name!r}")
        _refuse_negative(self, "optimizer", ("learning_rate", "muon_learning_rate", "warmup_steps", "weight_decay"))
        if not self.clip_norm > 0:
            raise ValueError(f"expected optimizer.clip_norm above 0, got {self.clip_norm}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TeacherConfig:
    """A network whose policy is mixed into the labels' targets."""

    # Folder of a run or of a network; empty for none.
    folder: str = ""
    # Share of its policy in the target; the labels have the rest.
    share: float = 0.5

    def __post_init__(self) -> None:
        """Raises ValueError for a share out of range."""
        if not 0 <= self.share <= 1:
            raise ValueError(f"expected teacher.share from 0 to 1, got {self.share}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class CoreLossConfig:
    """Weights of the losses that cores add; see training/distillation/distil_loss.py."""

    # Of the iterations that tokens make before they end, for cores whose tokens can.
    ponder: float = 0.01
    # Of the mean square of the difference recurrence.
    difference: float = 0.001
    # Of minus the policy's entropy over the legal moves, in nats, at the start; thermodynamic.
    entropy: float = 0.0
    # Steps in which that weight falls to 1 / e of itself, and goes on falling.
    cooling_steps: int = 5000
    # Of the bits that an entry of the core's kernels takes on average; compression.
    bits: float = 0.0

    def __post_init__(self) -> None:
        """Raises ValueError for a weight below 0 or a time below 1."""
        _refuse_negative(self, "core_losses", ("ponder", "difference", "entropy", "bits"))
        if self.cooling_steps < 1:
            raise ValueError(f"expected core_losses.cooling_steps of at least 1, got {self.cooling_steps}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunConfig:
    """A distillation run."""

    # The student.
    network: NetworkConfig
    # Packed sets to learn from.
    sources: tuple[SourceConfig, ...]
    # Second teacher.
    teacher: TeacherConfig = TeacherConfig()
    # Held-out shards whose regret is measured; empty for none.
    validation: str = ""
    # B.
    batch_size: int = 256
    # Decides initial weights and the order of the data.
    seed: int = 0
    # Mirror half of the positions without castling rights.
    mirror: bool = True
    # Weight of the scores' logits in the policy target, beside score / tau: tells moves apart where a game is decided.
    logit_weight: float = 1.0
    # Share of KL(policy || target) in the policy's loss; KL(target || policy) has the rest.
    reverse_share: float = 0.0
    # The optimiser and its schedule.
    optimizer: OptimizerConfig = OptimizerConfig()
    # Fewest solver steps of a batch; each batch draws its bound from here to the network's own number, so that
    # it plays at any of them. 0 always allows all.
    fewest_steps: int = 0
    # Decay of the exponential moving average of the weights, per step.
    ema_decay: float = 0.999
    # Weights of the loss parts beside the policy's 1.
    wdl_weight: float = 0.25
    score_weight: float = 0.25
    # Divide the optimiser's state among the devices; each holds a copy otherwise.
    shard_optimizer: bool = False
    # Weights of the losses that the core adds.
    core_losses: CoreLossConfig = CoreLossConfig()

    def __post_init__(self) -> None:
        """Raises ValueError for a number out of range, and for steps that the core cannot make."""
        if not 0 <= self.reverse_share <= 1:
            raise ValueError(f"expected reverse_share from 0 to 1, got {self.reverse_share}")
        if not 0 <= self.ema_decay < 1:
            raise ValueError(f"expected ema_decay from 0 to less than 1, got {self.ema_decay}")
        core, most = self.network.core, self.network.own_steps
        if isinstance(core, DeqConfig) and core.exit is not None:
            raise ValueError("expected no exit in training, got one (allowed: recursezero fit-exit adds it afterwards)")
        if not 0 <= self.fewest_steps <= most:
            raise ValueError(f"expected fewest_steps from 0 to the network's own {most}, got {self.fewest_steps}")
        if self.fewest_steps and not core.can_stop_early:
            raise ValueError(f"expected fewest_steps 0 for the core {core.kind}, which needs all its steps")


def parse_source(text: str, tau: float = SourceConfig.tau) -> SourceConfig:
    """Reads a source from `FOLDER:WEIGHT` or `FOLDER:WEIGHT:puzzles`.

    Args:
      text: the source.
      tau: temperature of its policy target.

    Raises:
      ValueError: the text has another form.
    """
    has_scores = not text.endswith(":puzzles")
    folder, colon, weight = text.removesuffix(":puzzles").rpartition(":")
    try:
        if not colon or (":" in folder and "://" not in folder):
            raise ValueError
        return SourceConfig(folder=folder, weight=float(weight), tau=tau, has_scores=has_scores)
    except ValueError:
        raise ValueError(f"expected a source as FOLDER:WEIGHT or FOLDER:WEIGHT:puzzles, got {text!r}") from None
