"""Compiles the update of distillation, and the policy of a network for measuring it."""

import functools
from collections.abc import Callable
from typing import TypeVar, cast

import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh, PartitionSpec

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
from training.runs.device_mesh import DATA, copied, divided_where_possible

Metrics = dict[str, jax.Array]
TreeT = TypeVar("TreeT")


def make_network(config: NetworkConfig) -> Network:
    """Returns the network in training form."""
    return Network(config, TRAINING_PRODUCTS[config.arithmetic])


def make_state(config: RunConfig) -> TrainState:
    """Returns the initial state of a run."""
    blank = jnp.zeros((1, POSITION_SIZE), jnp.int8).at[:, :2].set(jnp.array([6, -6], jnp.int8))
    params = jax.jit(make_network(config.network).init)(jax.random.key(config.seed), blank)["params"]
    return initial_state(params, make_optimizer(config.optimizer))


def make_update(config: RunConfig, mesh: Mesh) -> Callable[[TrainState, DeviceBatch], tuple[TrainState, Metrics]]:
    """Compiles one step: loss, gradient, optimiser, moving average. The state is donated.

    Each device computes its share of the losses' sums and of their gradient; one sum over the devices, after all
    products of the backward pass, makes them those of the whole batch. Left to XLA's partitioner, the sums would stand
    inside the loops of solver and gradient.

    Args:
      config: the run's settings.
      mesh: the devices; the batch is divided among them, the state placed as `state_shardings` says.
    """
    network, optimizer = make_network(config.network), make_optimizer(config.optimizer)

    def share(params: optax.Params, batch: DeviceBatch, step: jax.Array) -> tuple[jax.Array, Metrics]:
        output, sown = evaluate_in_training(network, params, batch.positions, _step_limit(config, step))
        figures = _figure_shares(output, batch, config.reverse_share)
        losses = {name: mean.total / _sum_over_devices(mean.divisor) for name, mean in sown.items()}
        loss = figures["policy_loss"] + config.wdl_weight * figures["wdl_loss"]
        loss += config.score_weight * figures["score_loss"] + sown_loss(losses, config.core_losses)
        loss += other_losses(params, output, batch, step) / mesh.size
        return loss, figures | {f"core_{name}": value for name, value in losses.items()}

    def other_losses(
        params: optax.Params, output: NetworkOutput, batch: DeviceBatch, step: jax.Array
    ) -> jax.Array | float:
        weights, loss = config.core_losses, jnp.float32(0)
        if weights.entropy:
            log_policy = jax.nn.log_softmax(jnp.where(batch.legal, output.policy_logits, MASKED), axis=-1)
            loss += entropy_loss(log_policy, batch.legal, step, weights)
        if weights.bits:
            loss += weights.bits * bits_per_weight(params["core"])
        return loss

    def summed(params: optax.Params, batch: DeviceBatch, step: jax.Array) -> tuple[Metrics, optax.Params]:
        (loss, figures), gradient = jax.value_and_grad(share, has_aux=True)(params, batch, step)
        return _sum_over_devices((figures | {"loss": loss}, gradient))

    def stepped(state: TrainState, gradient: optax.Params) -> tuple[TrainState, Metrics]:
        return next_state(state, gradient, optimizer, config.optimizer.warmup_steps, config.ema_decay)

    # The check of replication would sum the gradient at every use of a parameter.
    on_devices = functools.partial(jax.shard_map, mesh=mesh, out_specs=PartitionSpec(), check_vma=False)

    def update(state: TrainState, batch: DeviceBatch) -> tuple[TrainState, Metrics]:
        specs = PartitionSpec(), PartitionSpec(DATA), PartitionSpec()
        metrics, gradient = on_devices(summed, in_specs=specs)(state.params, batch, state.step)
        if config.shard_optimizer:
            # Gathered before, it would lie whole beside the activations, which are most of a step's memory.
            gradient, optimizer_state = jax.lax.optimization_barrier((gradient, state.optimizer))
            state = state.replace(optimizer=optimizer_state)
        state, figures = on_devices(stepped, in_specs=PartitionSpec())(state, gradient)
        shardings = state_shardings(state, mesh, config.shard_optimizer)
        return jax.lax.with_sharding_constraint(state, shardings), metrics | figures

    return jax.jit(update, donate_argnums=0)


def state_shardings(state: TrainState, mesh: Mesh, shard_optimizer: bool) -> TrainState:
    """Returns the placement of each array of a state.

    Args:
      state: arrays or their shapes.
      mesh: the devices.
      shard_optimizer: whether to divide the optimiser's arrays where the number of devices allows it.
    """
    placed = jax.tree.map(lambda _: copied(mesh), state)
    return placed.replace(optimizer=divided_where_possible(state.optimizer, mesh)) if shard_optimizer else placed


def _sum_over_devices(tree: TreeT) -> TreeT:
    return cast(TreeT, jax.lax.psum(tree, DATA))


def _step_limit(config: RunConfig, step: jax.Array) -> jax.Array | None:
    """Draws the bound on solver steps for a batch; a function of the run's seed and the step alone."""
    if not config.fewest_steps:
        return None
    steps_key = jax.random.fold_in(jax.random.key(config.seed), step)
    return jax.random.randint(steps_key, (), config.fewest_steps, config.network.own_steps + 1, jnp.int32)


def _figure_shares(output: NetworkOutput, batch: DeviceBatch, reverse_share: float) -> Metrics:
    """Returns a device's share of loss parts and statistics, whose sums over the devices are means over the batch."""
    policy = jax.vmap(functools.partial(policy_loss, reverse_share=reverse_share))(
        output.policy_logits, batch.target, batch.legal
    )
    wdl = jax.vmap(wdl_loss)(output.wdl_logits, batch.score) * batch.score_weight
    score = jax.vmap(score_loss)(output.score_logits, batch.score) * batch.score_weight
    scored = jnp.maximum(_sum_over_devices(jnp.sum(batch.score_weight)), 1.0)
    logits = jnp.where(batch.legal, output.policy_logits, MASKED)
    log_policy = jax.nn.log_softmax(logits, axis=-1)
    chosen_target = jnp.sum(jnp.where(logits == jnp.max(logits, axis=-1, keepdims=True), batch.target, 0.0), axis=-1)
    of_rows = {
        "policy_loss": policy,
        "top1": (chosen_target >= jnp.max(batch.target, axis=-1)).astype(jnp.float32),
        "entropy": -jnp.sum(jnp.where(batch.legal, jnp.exp(log_policy) * log_policy, 0.0), axis=-1),
        "solver_steps": output.stats.steps.astype(jnp.float32),
        "residual": output.stats.residual,
    }
    rows = len(batch.positions) * jax.lax.axis_size(DATA)
    means = {name: jnp.sum(values) / rows for name, values in of_rows.items()}
    return means | {"wdl_loss": jnp.sum(wdl) / scored, "score_loss": jnp.sum(score) / scored}


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
