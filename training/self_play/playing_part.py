"""Reads the part of a self-play run that plays: the target network, its latent model, and the model's scale."""

import dataclasses
import json
from pathlib import Path
from typing import cast

import chex
import jax

from engine.network.latent_model.policy_improvement import ModelConfig, PlayingModel
from training.distillation.trained_network import TrainedNetwork
from training.muesli.values import sigma
from training.runs.run_checkpoint import RunCheckpoints
from training.runs.run_folder import read_settings
from training.self_play.chess_agent import model_settings
from training.self_play.resident_program import make_game, make_program
from training.self_play.self_play_config import SelfPlayConfig


def trained_by_self_play(folder: Path) -> TrainedNetwork:
    """Returns the target network in the newest checkpoint of a run of chess, with the latent model if it learned one.

    The model's scale is what divides advantages in the run, so that its values may be trusted as far in play.

    Raises:
      ValueError: the run has no checkpoint, or plays another game than chess.
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
    muesli, parts = config.muesli, cast(dict[str, chex.ArrayTree], state.learner.target)
    if not muesli.needs_model:  # and has not learned one
        return TrainedNetwork(config.network, parts["network"], int(state.step), _facts(config, None), None)
    scale = float(sigma(state.learner.scale, muesli.advantage_floor)) if muesli.normalises_advantages else 1.0
    settings = model_settings(len(muesli.past_rates), muesli.cmpo_clip, scale / muesli.cmpo_gain)
    model = PlayingModel(settings, parts["model"])
    return TrainedNetwork(config.network, parts["network"], int(state.step), _facts(config, settings), model)


def _facts(config: SelfPlayConfig, model: ModelConfig | None) -> dict[str, object]:
    latent = (
        "no latent model" if model is None else f"latent model with scale {model.scale:.3f} and clip {model.clip:g}"
    )
    settings = {"optimizer": dataclasses.asdict(config.optimizer), "seed": config.seed}
    return {
        "data": f"self-play, {latent}",
        "batch": f"{config.lanes} games x {config.steps} moves, {config.updates} updates",
        "run": json.dumps(settings),
    }
