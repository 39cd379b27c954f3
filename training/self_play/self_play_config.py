"""The settings of a self-play run, saved in its folder."""

import dataclasses
from typing import Literal

from engine.network.network_config import NetworkConfig
from training.muesli.muesli_config import MuesliConfig
from training.self_play.board_network import BoardNetworkConfig
from training.self_play.random_generator import Generator


@dataclasses.dataclass(frozen=True, kw_only=True)
class NormalisedAdamConfig:
    """AdamW with clipped updates; the learning rate's course is in training/runs/schedule.py."""

    # Peak learning rate.
    learning_rate: float = 1e-3
    # Its share for the network of chess, which may know much already where the latent model beside it knows nothing.
    network_share: float = 1.0
    # Updates of linear warm-up.
    warmup_steps: int = 100
    # Decoupled weight decay of matrices.
    weight_decay: float = 0.01
    # Clip the normalised update to +-1, element by element.
    clips_updates: bool = True


@dataclasses.dataclass(frozen=True, kw_only=True)
class BehaviourConfig:
    """How the policy that plays differs from the target network's."""

    # Divisor of the logits, above 0.
    temperature: float = 1.0
    # Share of uniformly random moves.
    random_share: float = 0.02
    # Games begin with 0 to this many uniformly random plies.
    opening_plies: int = 0
    # Share of the games of chess that begin with a random ending instead.
    endgame_share: float = 0.0
    # Most pieces of a side in such an ending, beside the king.
    endgame_pieces: int = 4
    # Plies after which a game is truncated: nobody learns that it was drawn. 0 for none.
    most_plies: int = 0

    def __post_init__(self) -> None:
        """Raises ValueError for a value outside its range."""
        if not self.temperature > 0:
            raise ValueError(f"expected temperature above 0, got {self.temperature}")
        if not 0 <= self.random_share <= 1:
            raise ValueError(f"expected random_share in [0, 1], got {self.random_share}")
        if self.opening_plies < 0:
            raise ValueError(f"expected opening_plies of at least 0, got {self.opening_plies}")
        if not 0 <= self.endgame_share <= 1:
            raise ValueError(f"expected endgame_share in [0, 1], got {self.endgame_share}")
        if not 1 <= self.endgame_pieces <= 15:
            raise ValueError(f"expected endgame_pieces from 1 to 15, got {self.endgame_pieces}")
        if self.most_plies < 0:
            raise ValueError(f"expected most_plies of at least 0, got {self.most_plies}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class SelfPlayConfig:
    """A self-play run. An iteration plays `steps` moves in every lane and then makes `updates` updates."""

    # One of training/games/environment.py.
    game: str
    # The network of a small game.
    board_network: BoardNetworkConfig = BoardNetworkConfig()
    # The recursive network, which plays chess; none for the small games.
    network: NetworkConfig | None = None
    # Share of the latent model's gradient that passes back into the recursive network.
    model_gradient: float = 1.0
    # Targets and losses.
    muesli: MuesliConfig = MuesliConfig()
    # Its optimiser.
    optimizer: NormalisedAdamConfig = NormalisedAdamConfig()
    # How the policy that plays differs from the network's.
    behaviour: BehaviourConfig = BehaviourConfig()
    # B, games at once.
    lanes: int = 256
    # T, moves of a sequence, at least 2.
    steps: int = 8
    # Updates an iteration; each takes its share of the lanes, which must be divisible by it.
    updates: int = 4
    # Replayed sequences beside each fresh one.
    replayed: int = 3
    # R, sequences that the replay keeps of each lane.
    replay_slots: int = 64
    # Save the replay with the checkpoints; without, a resumed run begins with an empty one.
    saves_replay: bool = True
    # Decides initial weights and all draws.
    seed: int = 0
    # Generator of random bits; rbg is quicker on TPUs and Apple's GPUs, and differs with the number of devices.
    generator: Generator = "threefry2x32"
    # Products of the network: auto is bfloat16 where the device has units for it, else float32.
    arithmetic: Literal["auto", "float32", "bfloat16"] = "auto"
    # Opponents that strength is measured against.
    opponents: tuple[str, ...] = ("random",)
    # Games against each of them, even.
    evaluation_games: int = 200
    # Least age in minutes of the copy of itself that the network also plays against, for a curve of Elo; 0 for none.
    rival_minutes: float = 0.0
    # Held-out shards of chess on which the policy is compared with the teacher's; empty for none.
    validation: str = ""

    def __post_init__(self) -> None:
        """Raises ValueError for counts that do not fit."""
        for name, least in (("lanes", 1), ("steps", 2), ("updates", 1), ("replayed", 0), ("replay_slots", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"expected {name} of at least {least}, got {getattr(self, name)}")
        if not 0 <= self.model_gradient <= 1:
            raise ValueError(f"expected model_gradient in [0, 1], got {self.model_gradient}")
        if self.model_gradient != 1 and self.network is None:
            raise ValueError(f"expected model_gradient 1 without the network of chess, got {self.model_gradient}")
        if self.muesli.weights.result and self.network is None:
            raise ValueError(
                f"expected muesli.weights.result 0 without the network of chess, got {self.muesli.weights.result}"
            )
        if self.lanes % self.updates:
            raise ValueError(f"expected lanes to be a multiple of updates ({self.updates}), got {self.lanes}")
        if self.behaviour.endgame_share and self.game != "chess":
            raise ValueError(f"expected endgame_share 0 for {self.game}, got {self.behaviour.endgame_share}")
        if self.validation and self.network is None:
            raise ValueError(f"expected validation with the network of chess only, got {self.validation!r}")
        if self.rival_minutes < 0:
            raise ValueError(f"expected rival_minutes of at least 0, got {self.rival_minutes}")
        if self.evaluation_games < 2 or self.evaluation_games % 2:
            raise ValueError(f"expected evaluation_games to be even and at least 2, got {self.evaluation_games}")
