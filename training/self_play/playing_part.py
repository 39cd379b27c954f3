"""What a run of chess hands over to play: the target network, its latent model, and how far they may be trusted."""

from pathlib import Path
from typing import Any, NamedTuple

import chex
import jax

from engine.network.latent_model.policy_improvement import PlayingModel
from training.muesli.advantage_scale import sigma
from training.runs.run_checkpoint import RunCheckpoints
from training.runs.run_folder import read_settings
from training.self_play.agents import make_game
from training.self_play.chess_agent import model_settings
from training.self_play.resident_program import make_program
from training.self_play.self_play_config import SelfPlayConfig


class PlayingPart(NamedTuple):
    """The newest checkpoint of a run as far as play needs it."""

    config: SelfPlayConfig
    step: int  # iterations made
    params: chex.ArrayTree  # of the target network, in training form
    model: PlayingModel


def playing_part(folder: Path) -> PlayingPart:
    """Reads the newest checkpoint of a self-play run.

    Raises:
      ValueError: the run has none, or plays another game than chess.
    """
    config = read_settings(folder, SelfPlayConfig)
    if config.network is None:
        raise ValueError(f"expected a run of chess, got one of {config.game} in {folder}")
    shapes = jax.eval_shape(make_program(config, *make_game(config)).init)
    place = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    like = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=place), shapes)
    checkpoints = RunCheckpoints(folder)
    state = checkpoints.restore_latest(like if config.saves_replay else like.replace(replay=None))
    checkpoints.close()
    if state is None:
        raise ValueError(f"expected a checkpoint in {folder}, found none")
    muesli, target = config.muesli, state.learner.target
    scale = float(sigma(state.learner.scale, muesli.advantage_floor)) if muesli.normalises_advantages else 1.0
    settings = model_settings(len(muesli.past_rates), muesli.cmpo_clip, scale)
    parts: Any = target
    return PlayingPart(config, int(state.step), parts["network"], PlayingModel(settings, parts["model"]))
