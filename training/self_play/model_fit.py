"""Fits a latent model's action values to labels of all legal moves; the network beside it stays as it is.

What a label w(a) says of an action is what the opponent can expect after it, 1 - w(a). A mate at once is told as
self-play tells it, by a reward of 1 and an ended game of value 0: a model that had put the mate into the value of what
follows would have to unlearn it there. Every other reward is 0, as it is in self-play.
"""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple, cast

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax

from engine.network.latent_model.dynamics import LatentModel, LatentStep
from engine.network.latent_model.policy_improvement import latent_model, value_support
from engine.network.model import evaluate_with_squares
from engine.network.network_config import NetworkConfig
from training.distillation.distil_loss import score_loss
from training.distillation.learner import make_network
from training.distillation.train_state import TrainState, next_state
from training.labels.expected_score import MATE_STEP
from training.muesli.muesli_update import clipped_adam
from training.muesli.values import REWARD_SUPPORT, categorical_loss, expected_value
from training.packed.batches import Batch
from training.self_play.chess_agent import model_settings

Metrics = dict[str, jax.Array]
FitUpdate = Callable[[TrainState, jax.Array, np.ndarray, np.ndarray], tuple[TrainState, Metrics]]
_MATES_AT_ONCE = 1 - 1.5 * MATE_STEP  # between a mate in one move and one in two
_AVERAGE_DECAY = 0.99


@dataclasses.dataclass(frozen=True, kw_only=True)
class FitConfig:
    """Settings of a fit."""

    # C, actions drawn from every position.
    actions: int = 4
    # Temperature, in expected score, of the half of the draws that prefers good moves; the other half is uniform.
    tau: float = 0.1
    # B, positions of an update.
    batch_size: int = 128
    # Peak learning rate.
    learning_rate: float = 2e-3
    # Updates of linear warm-up.
    warmup_steps: int = 100
    # Decoupled weight decay of matrices.
    weight_decay: float = 0.01
    # Positions on which the fitted model is measured, and as many again for the choice of the scale.
    measured: int = 1000
    # c, the bound on advantages in the policy that is played.
    clip: float = 1.0
    # Candidates for the divisor of advantages; the best one on training positions is taken.
    scales: tuple[float, ...] = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
    # Decides initial weights, the order of positions and the draws.
    seed: int = 0

    def __post_init__(self) -> None:
        """Raises ValueError for a number out of range."""
        for name, least in (("actions", 1), ("batch_size", 1), ("warmup_steps", 0), ("measured", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"expected {name} of at least {least}, got {getattr(self, name)}")
        for name in ("tau", "learning_rate", "clip"):
            if not 0 < getattr(self, name) < np.inf:
                raise ValueError(f"expected {name} above 0, got {getattr(self, name)}")
        if not self.weight_decay >= 0:
            raise ValueError(f"expected weight_decay of at least 0, got {self.weight_decay}")
        if not self.scales or not all(0 < scale < np.inf for scale in self.scales):
            raise ValueError(f"expected scales above 0, at least one, got {self.scales}")


class FitBatch(NamedTuple):
    """Positions with some of their actions."""

    positions: np.ndarray  # int8 [B, P]
    cells: np.ndarray  # int32 [B, C], policy cells
    scores: np.ndarray  # float32 [B, C], expected scores of the actions in [0, 1] for the mover


def drawn_actions(batch: Batch, config: FitConfig, index: int) -> FitBatch:
    """Draws C actions of every position, with probability (softmax(w / tau) + 1 / L) / 2 each.

    The draws of a position are as far apart as chance allows (systematic sampling): how often an action is drawn has
    that expectation, and a likely one is seldom drawn twice while others are left out.

    Args:
      batch: positions, each with a legal move.
      config: C, tau and the seed.
      index: of the batch; the same one gets the same draws.
    """
    is_move = batch.cells >= 0  # [B, L]
    weights = np.exp((batch.values - batch.values.max(axis=1, keepdims=True)) / config.tau) * is_move
    softmax = weights / weights.sum(axis=1, keepdims=True)
    chances = 0.5 * softmax + 0.5 * is_move / is_move.sum(axis=1, keepdims=True)
    ends = np.cumsum(chances, axis=1)  # [B, L], of each action's part of [0, 1]
    generator = np.random.default_rng([config.seed, index])
    places = (np.arange(config.actions) + generator.random((len(is_move), 1))) / config.actions  # [B, C]
    chosen = np.sum(ends[:, None, :] <= places[:, :, None], axis=2)
    # Sums that end below 1 by rounding must not lead into the padding.
    chosen = np.minimum(chosen, is_move.sum(axis=1, keepdims=True) - 1)
    cells, scores = (np.take_along_axis(each, chosen, axis=1) for each in (batch.cells, batch.values))
    return FitBatch(batch.positions, cells.astype(np.int32), scores)


def fitted_module(bins: int) -> LatentModel:
    """Returns the model of a run of chess, in the form that plays, beside a network with so many bins of value."""
    # Scale and clip belong to the policy and not to the model.
    return latent_model(model_settings(past_policies=0, clip=1.0, scale=1.0), bins)


def fit_loss(
    module: LatentModel, model: chex.ArrayTree, squares: jax.Array, cells: jax.Array, scores: jax.Array
) -> tuple[jax.Array, Metrics]:
    """Returns the loss of a model's values and rewards after some actions, and figures.

    Args:
      module: the model.
      model: its parameters.
      squares: `[B, S, D]`, the state on the board of positions, from a network that is not differentiated.
      cells: int32 `[B, C]`, policy cells of actions.
      scores: `[B, C]`, the actions' expected scores in [0, 1] for the mover.
    """
    chex.assert_equal_shape([cells, scores])
    latent = cast(jax.Array, module.apply({"params": model}, squares, method="embed"))  # [B, S, W]
    # Not repeat, whose gradient is a scatter.
    beside = jnp.broadcast_to(latent[:, None], (*cells.shape, *latent.shape[1:])).reshape(-1, *latent.shape[1:])
    cells, scores = jnp.ravel(cells), jnp.ravel(scores)  # [B * C]
    step = cast(LatentStep, module.apply({"params": model}, beside, cells, method="advance"))
    value_logits = step.heads.value_logits[:, 0]
    mates = scores > _MATES_AT_ONCE
    value_losses = jax.vmap(score_loss)(value_logits, jnp.where(mates, 0.5, 1.0 - scores))
    outcomes = jnp.asarray(REWARD_SUPPORT)
    reward_losses = categorical_loss(step.reward_logits, mates.astype(jnp.float32), outcomes)
    value_loss, reward_loss = jnp.mean(value_losses), jnp.mean(reward_losses)
    q = expected_value(step.reward_logits, outcomes) - expected_value(value_logits, value_support(module.bins))
    labels = 2.0 * scores - 1.0
    figures = {
        "value_loss": value_loss,
        "reward_loss": reward_loss,
        "q_error": jnp.sqrt(jnp.mean(jnp.square(q - labels))),
        "q_correlation": jnp.corrcoef(q, labels)[0, 1],
    }
    return value_loss + reward_loss, figures


def fit_optimizer(config: FitConfig) -> optax.GradientTransformation:
    """Returns the optimiser, that of self-play, which later trains the model further."""
    return clipped_adam(config.learning_rate, config.weight_decay, clips_updates=True)


def make_squares(config: NetworkConfig) -> Callable[[chex.ArrayTree, np.ndarray], jax.Array]:
    """Compiles a network in training form: (parameters, positions `[B, P]`) to the state on the board, `[B, S, D]`."""
    network = make_network(config)
    return jax.jit(lambda params, positions: evaluate_with_squares(network, params, positions)[1])


def make_fit_update(module: LatentModel, config: FitConfig) -> FitUpdate:
    """Compiles one step: loss, gradient, optimiser, moving average. The state, which is the model's, is donated."""
    optimizer = fit_optimizer(config)

    # The network is a program of its own: in one with this gradient it takes several times as long on a processor.
    def update(
        state: TrainState, squares: jax.Array, cells: jax.Array, scores: jax.Array
    ) -> tuple[TrainState, Metrics]:
        def loss_of(model: chex.ArrayTree) -> tuple[jax.Array, Metrics]:
            return fit_loss(module, model, squares, cells, scores)

        (loss, metrics), gradient = jax.value_and_grad(loss_of, has_aux=True)(state.params)
        state, figures = next_state(state, gradient, optimizer, config.warmup_steps, _AVERAGE_DECAY)
        return state, metrics | {"loss": loss} | figures

    return jax.jit(update, donate_argnums=0)
