"""Compiles the update of distillation, and the policy of a network for measuring it."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import optax

from engine.encoding.position import POSITION_SIZE
from engine.network.attention import MASKED
from engine.network.int8 import TRAINING_PRODUCTS
from engine.network.model import Network, NetworkOutput, evaluate, evaluate_in_training
from engine.network.network_config import NetworkConfig
from training.distillation.distil_loss import (
    bits_per_weight,
    entropy_loss,
    policy_loss,
    score_loss,
    sown_loss,
    wdl_loss,
)
from training.distillation.distillation_config import RunConfig
from training.distillation.train_state import TrainState, initial_state, make_optimizer, next_state
from training.packed.device_batches import DeviceBatch

Metrics = dict[str, jax.Array]


def make_network(config: NetworkConfig) -> Network:
    """Returns the network in training form."""
    return Network(config, TRAINING_PRODUCTS[config.arithmetic])


def make_state(config: RunConfig) -> TrainState:
    """Returns the initial state of a run."""
    blank = jnp.zeros((1, POSITION_SIZE), jnp.int8).at[:, :2].set(jnp.array([6, -6], jnp.int8))
    params = jax.jit(make_network(config.network).init)(jax.random.key(config.seed), blank)["params"]
    return initial_state(params, make_optimizer(config.optimizer))


def make_update(config: RunConfig) -> Callable[[TrainState, DeviceBatch], tuple[TrainState, Metrics]]:
    """Compiles one step: loss, gradient, optimiser, moving average. The state is donated."""
    network, optimizer = make_network(config.network), make_optimizer(config.optimizer)

    def loss_and_metrics(params: optax.Params, batch: DeviceBatch, step: jax.Array) -> tuple[jax.Array, Metrics]:
        step_limit = _step_limit(config, step)
        output, sown = evaluate_in_training(network, params, batch.positions, step_limit)
        metrics = _metrics(output, batch, config.reverse_share)
        loss = metrics["policy_loss"] + config.wdl_weight * metrics["wdl_loss"]
        loss += config.score_weight * metrics["score_loss"] + core_loss(params, output, sown, batch, step)
        return loss, metrics | {f"core_{name}": value for name, value in sown.items()}

    def core_loss(
        params: optax.Params, output: NetworkOutput, sown: Metrics, batch: DeviceBatch, step: jax.Array
    ) -> jax.Array:
        weights, loss = config.core_losses, sown_loss(sown, config.core_losses)
        if weights.entropy:
            log_policy = jax.nn.log_softmax(jnp.where(batch.legal, output.policy_logits, MASKED), axis=-1)
            loss += entropy_loss(log_policy, batch.legal, step, weights)
        if weights.bits:
            loss += weights.bits * bits_per_weight(params["core"])
        return loss

    def update(state: TrainState, batch: DeviceBatch) -> tuple[TrainState, Metrics]:
        (loss, metrics), gradient = jax.value_and_grad(loss_and_metrics, has_aux=True)(state.params, batch, state.step)
        state, figures = next_state(state, gradient, optimizer, config.optimizer.warmup_steps, config.ema_decay)
        return state, metrics | {"loss": loss} | figures

    return jax.jit(update, donate_argnums=0)


def _step_limit(config: RunConfig, step: jax.Array) -> jax.Array | None:
    """Draws the bound on solver steps for a batch; a function of the run's seed and the step alone."""
    if not config.fewest_steps:
        return None
    steps_key = jax.random.fold_in(jax.random.key(config.seed), step)
    return jax.random.randint(steps_key, (), config.fewest_steps, config.network.own_steps + 1, jnp.int32)


def _metrics(output: NetworkOutput, batch: DeviceBatch, reverse_share: float) -> Metrics:
    """Returns loss parts and statistics, means over the batch."""
    policy = jax.vmap(partial(policy_loss, reverse_share=reverse_share))(
        output.policy_logits, batch.target, batch.legal
    )
    wdl = jax.vmap(wdl_loss)(output.wdl_logits, batch.score) * batch.score_weight
    score = jax.vmap(score_loss)(output.score_logits, batch.score) * batch.score_weight
    scored = jnp.maximum(jnp.sum(batch.score_weight), 1.0)
    logits = jnp.where(batch.legal, output.policy_logits, MASKED)
    log_policy = jax.nn.log_softmax(logits, axis=-1)
    chosen_target = jnp.sum(jnp.where(logits == jnp.max(logits, axis=-1, keepdims=True), batch.target, 0.0), axis=-1)
    return {
        "policy_loss": jnp.mean(policy),
        "wdl_loss": jnp.sum(wdl) / scored,
        "score_loss": jnp.sum(score) / scored,
        "top1": jnp.mean(chosen_target >= jnp.max(batch.target, axis=-1)),
        "entropy": -jnp.mean(jnp.sum(jnp.where(batch.legal, jnp.exp(log_policy) * log_policy, 0.0), axis=-1)),
        "solver_steps": jnp.mean(output.stats.steps),
        "residual": jnp.mean(output.stats.residual),
    }


def make_policy(config: NetworkConfig) -> Callable[[optax.Params, jax.Array], tuple[jax.Array, jax.Array]]:
    """Compiles the evaluation of a training-form network.

    Returns:
      A function of (params, positions `[B, P]`) that gives logits `[B, Z]` and solver steps `[B]`.
    """
    network = make_network(config)

    def policy(params: optax.Params, positions: jax.Array) -> tuple[jax.Array, jax.Array]:
        output = evaluate(network, params, positions)
        return output.policy_logits, output.stats.steps

    return jax.jit(policy)
