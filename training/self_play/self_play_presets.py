"""Named self-play runs; a preset is a value, and any field can be overridden."""

import dataclasses

from engine.network.cores.core_configs import DeqConfig
from engine.network.network_config import NetworkConfig
from engine.network.network_presets import preset
from training.muesli.muesli_config import LossWeights, MuesliConfig
from training.self_play.board_network import BoardNetworkConfig
from training.self_play.chess_agent import with_one_iteration
from training.self_play.self_play_config import BehaviourConfig, NormalisedAdamConfig, SelfPlayConfig

# The network starts from distilled weights and is held to them; its latent model starts from nothing, and reads the
# network without changing it. Within a position the values of the real successors tell moves apart far better than that
# model does, even fitted to labels.
_CHESS_MUESLI = MuesliConfig(
    # The policy gradient and the values of returns say less than the candidates do, with more noise.
    weights=LossWeights(policy_gradient=0.2, value=0.05, anchor=0.1),
    cmpo_mode="best",
    cmpo_samples=5,
    lookahead="rules",
    unroll_steps=2,
    bootstrap="value",
    retrace_lambda=0.8,
    target_rate=0.02,
)
_CHESS_OPTIMIZER = NormalisedAdamConfig(learning_rate=1e-3, network_share=0.01, warmup_steps=100)

SELF_PLAY_PRESETS: dict[str, SelfPlayConfig] = {
    "tic_tac_toe": SelfPlayConfig(
        game="tic_tac_toe",
        board_network=BoardNetworkConfig(mixing="board", channels=8, blocks=2),
        optimizer=NormalisedAdamConfig(learning_rate=2e-3, warmup_steps=50),
        behaviour=BehaviourConfig(random_share=0.05, opening_plies=4),
        lanes=128,
        steps=8,
        updates=2,
        replayed=1,
        replay_slots=16,
        opponents=("random", "perfect"),
    ),
    # Games cost less than updates, so every sequence is new. What wins and what must be blocked lies on lines; that a
    # move wins or lets the opponent win, the rules say sooner than a model that is still being learned.
    "connect_four": SelfPlayConfig(
        game="connect_four",
        board_network=BoardNetworkConfig(mixing="board", channels=8, line_features=32, blocks=1),
        muesli=MuesliConfig(unroll_steps=1, lookahead="rules"),
        optimizer=NormalisedAdamConfig(learning_rate=2e-3),
        behaviour=BehaviourConfig(random_share=0.03, opening_plies=8),
        lanes=128,
        steps=12,
        updates=4,
        replayed=0,
        replay_slots=1,
        opponents=("random", "tactical"),
    ),
    "gardner_chess": SelfPlayConfig(
        game="gardner_chess",
        board_network=BoardNetworkConfig(mixing="board", channels=12, line_features=16, blocks=2),
        muesli=MuesliConfig(cmpo_mode="sampled", cmpo_samples=4, unroll_steps=2),
        optimizer=NormalisedAdamConfig(learning_rate=1e-3),
        behaviour=BehaviourConfig(random_share=0.03, opening_plies=8),
        lanes=64,
        steps=16,
        updates=2,
        replayed=1,
        replay_slots=32,
    ),
    # Goes on from distilled weights (`--start-from`) without leaving them far behind.
    "chess": SelfPlayConfig(
        game="chess",
        network=with_one_iteration(preset("cpu")),
        model_gradient=0.0,
        muesli=_CHESS_MUESLI,
        optimizer=_CHESS_OPTIMIZER,
        behaviour=BehaviourConfig(temperature=0.4, random_share=0.1, opening_plies=10),
        # Every sequence is new: to value the candidates takes far longer than to play.
        lanes=64,
        steps=16,
        updates=4,
        replayed=0,
        replay_slots=1,
    ),
    # From random weights, by the rules alone. Random endings teach within minutes what material is worth; the model is
    # left out, since the rules value the candidates and it would take half of the time.
    "chess-zero": SelfPlayConfig(
        game="chess",
        network=with_one_iteration(
            NetworkConfig(
                width=64,
                heads=2,
                hidden_width=128,
                blocks=1,
                policy_width=64,
                policy_heads=2,
                value_bins=32,
            )
        ),
        muesli=MuesliConfig(
            weights=LossWeights(model_policy=0.0, model_value=0.0, reward=0.0, result=0.1),
            cmpo_mode="best",
            cmpo_samples=4,
            cmpo_gain=4.0,
            lookahead="rules",
            bootstrap="value",
            retrace_lambda=0.98,
        ),
        optimizer=NormalisedAdamConfig(learning_rate=2e-3, warmup_steps=100),
        behaviour=BehaviourConfig(
            random_share=0.05, opening_plies=30, endgame_share=0.6, endgame_pieces=12, most_plies=80
        ),
        lanes=64,
        steps=32,
        # Two games a batch: in so short a time the number of updates counts, not their noise.
        updates=32,
        replayed=0,
        replay_slots=1,
        opponents=("random", "exchange"),
        evaluation_games=100,
        rival_minutes=15.0,
    ),
    # The same for the network that fills an 8 GB GPU.
    "chess-rtx2070": SelfPlayConfig(
        game="chess",
        network=preset("rtx2070"),
        model_gradient=0.0,
        muesli=_CHESS_MUESLI,
        optimizer=_CHESS_OPTIMIZER,
        behaviour=BehaviourConfig(temperature=0.4, random_share=0.1, opening_plies=10),
        lanes=256,
        steps=16,
        updates=16,
        replayed=0,
        replay_slots=1,
    ),
}


def self_play_preset(name: str, network: NetworkConfig | None = None) -> SelfPlayConfig:
    """Returns a preset.

    Args:
      name: of the preset.
      network: another one than the preset's, whose products and solver it gets: its own are meant for one position.

    Raises:
      ValueError: the name is unknown.
    """
    if name not in SELF_PLAY_PRESETS:
        raise ValueError(f"expected a self-play preset, one of {', '.join(SELF_PLAY_PRESETS)}, got {name!r}")
    config = SELF_PLAY_PRESETS[name]
    if network is None:
        return config
    if config.network is not None:
        quick = config.network
        network = dataclasses.replace(network, arithmetic=quick.arithmetic)
        if isinstance(network.core, DeqConfig) and isinstance(quick.core, DeqConfig):
            network = dataclasses.replace(network, core=dataclasses.replace(network.core, solver=quick.core.solver))
    return dataclasses.replace(config, network=network)
