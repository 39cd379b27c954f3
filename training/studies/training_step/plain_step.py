"""Implements the step of distillation the simple way, in plain float32: the yardstick of `bench --training`.

The same network, loss and optimiser from the same parameters, without anything done for speed. All products are
float32. Tokens and tables are indexed, so their gradients are scatters. Attention keeps its heads behind the tokens.
The iterations are a Python loop, and the gradient goes through all of them. Nothing is donated. Nothing here is to be
made faster; a change of the network's function has to be made here, too, or the test that compares the two fails.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from engine.encoding import geometry
from engine.encoding.attacks import attacks_of
from engine.encoding.square_features import square_features
from engine.network.cores.core_configs import DeqConfig
from engine.network.network_config import NetworkConfig
from training.distillation.distil_loss import policy_loss, score_loss, wdl_loss
from training.distillation.distillation_config import RunConfig
from training.distillation.train_state import TrainState, make_optimizer
from training.packed.device_batches import DeviceBatch
from training.runs.schedule import learning_rate_factor

PlainTokens = Literal["as configured", "squares"]
Params = Any  # the parameters of the network in training form: nested dicts of float32 arrays

_OFFSET_INDEX = ((geometry.RANK_STEP + 7) * 15 + geometry.FILE_STEP + 7).reshape(64, 64)
_SLOTS = 16


class _Places(NamedTuple):
    """Holds the squares of the tokens."""

    square: jax.Array  # [B, N] int32
    is_used: jax.Array  # [B, N] bool

    def gather(self, squares: jax.Array) -> jax.Array:
        """Gathers squares to tokens, `[B, S, D]` to `[B, N, D]`."""
        return jnp.take_along_axis(squares, self.square[:, :, None], axis=1) * self.is_used[:, :, None]

    def spread(self, tokens: jax.Array) -> jax.Array:
        """Spreads tokens over the squares, `[B, N, D]` to `[B, S, D]`."""
        batch = tokens.shape[0]
        blank = jnp.zeros((batch, 64, tokens.shape[2]))
        return blank.at[jnp.arange(batch)[:, None], self.square].add(tokens * self.is_used[:, :, None])


def applications(config: NetworkConfig) -> int:
    """Returns the most applications of f that the trained network makes; the plain one makes as many."""
    core = config.core
    differentiated = core.gradient.steps if isinstance(core, DeqConfig) and core.gradient.kind == "phantom" else 0
    return core.iterations + differentiated


def make_plain_update(
    config: RunConfig, tokens: PlainTokens = "as configured"
) -> Callable[[TrainState, DeviceBatch], tuple[TrainState, jax.Array]]:
    """Compiles the plain step.

    Args:
      config: of the run; its arithmetic, solver and gradient are ignored.
      tokens: those of the network, or all squares.

    Returns:
      A function of state and batch that gives the next state and the loss.
    """
    optimizer = make_optimizer(config.optimizer)
    network = config.network
    squares = tokens == "squares" or network.tokens == "squares"

    def loss(params: Params, batch: DeviceBatch) -> jax.Array:
        policy, wdl, score = plain_network(params, batch.positions, network, squares)
        scored = jnp.maximum(jnp.sum(batch.score_weight), 1.0)
        wdl_losses = jax.vmap(wdl_loss)(wdl, batch.score) * batch.score_weight
        score_losses = jax.vmap(score_loss)(score, batch.score) * batch.score_weight
        divergence = partial(policy_loss, reverse_share=config.reverse_share)
        total = jnp.mean(jax.vmap(divergence)(policy, batch.target, batch.legal))
        total += config.wdl_weight * jnp.sum(wdl_losses) / scored
        return total + config.score_weight * jnp.sum(score_losses) / scored

    def update(state: TrainState, batch: DeviceBatch) -> tuple[TrainState, jax.Array]:
        value, gradient = jax.value_and_grad(loss)(state.params, batch)
        updates, optimizer_state = optimizer.update(gradient, state.optimizer, state.params)
        factor = learning_rate_factor(state.schedule, state.step, config.optimizer.warmup_steps)
        params = optax.apply_updates(state.params, jax.tree.map(lambda change: change * factor, updates))
        average = optax.incremental_update(params, state.average, 1.0 - config.ema_decay)
        return state.replace(step=state.step + 1, params=params, average=average, optimizer=optimizer_state), value

    return jax.jit(update)


def plain_network(
    params: Params, position: jax.Array, config: NetworkConfig, squares: bool
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Evaluates the network.

    Args:
      params: of the network in training form.
      position: int8 `[B, P]`.
      config: of the network; its blocks are repeated as in the core `deq`.
      squares: whether all squares are tokens; else the pieces are, in 16 slots a side.

    Returns:
      Logits of policy `[B, Z]`, win, draw and loss `[B, 3]`, and expected score `[B, bins]`.
    """
    attacks = attacks_of(position)
    features = square_features(position, attacks)
    places = _every_square(position) if squares else _pieces(position)
    board = features @ params["embedding"]["kernel"] + params["square_embedding"]
    injection = _norm(params["norm_embedding"], places.gather(board))
    bias = _bias(params["relations"], places, (attacks.direct, attacks.through))
    z = injection
    for _ in range(applications(config)):
        for index in range(config.blocks):
            z = _block(params["core"]["f"][f"block_{index}"], z + injection, bias, config)
    policy = _policy(params["policy"], z, places, features, config)
    return policy, *_value(params["value"], z, places)


def _every_square(position: jax.Array) -> _Places:
    square = jnp.broadcast_to(jnp.arange(64), (position.shape[0], 64))
    return _Places(square, jnp.ones(square.shape, bool))


def _pieces(position: jax.Array) -> _Places:
    def side(is_piece: jax.Array) -> tuple[jax.Array, jax.Array]:
        square = jnp.argsort(jnp.where(is_piece, jnp.arange(64), 64), axis=1)[:, :_SLOTS]
        return square, jnp.take_along_axis(is_piece, square, axis=1)

    (own, own_used), (theirs, their_used) = side(position[:, :64] > 0), side(position[:, :64] < 0)
    return _Places(jnp.concatenate([own, theirs], axis=1), jnp.concatenate([own_used, their_used], axis=1))


def _norm(params: Params, x: jax.Array) -> jax.Array:
    return x * jax.lax.rsqrt(jnp.mean(jnp.square(x), axis=-1, keepdims=True) + 1e-6) * params["scale"]


def _bias(params: Params, places: _Places, relations: tuple[jax.Array, jax.Array]) -> jax.Array:
    """Returns `[B, N, N, H]`."""
    rows, columns = places.square[:, :, None], places.square[:, None, :]
    bias = params["by_offset"][jnp.asarray(_OFFSET_INDEX)[rows, columns]]
    boards = jnp.arange(len(rows))[:, None, None]
    both = (places.is_used[:, :, None] & places.is_used[:, None, :]).astype(jnp.float32)
    for number, relation in enumerate(relations):
        forward, backward = relation[boards, rows, columns] * both, relation[boards, columns, rows] * both
        weights = params["by_attack"][2 * number : 2 * number + 2]
        bias = bias + forward[..., None] * weights[0] + backward[..., None] * weights[1]
    return jnp.where(places.is_used[:, None, :, None], bias, -1e9)


def _attend(query: jax.Array, key: jax.Array, value: jax.Array, bias: jax.Array, heads: int) -> jax.Array:
    """Attends from `[B, N, D]` to `[B, M, D]` with a bias `[B, N, M, H]`; heads stand behind the tokens."""
    query, key, value = (x.reshape(*x.shape[:2], heads, -1) for x in (query, key, value))
    logits = jnp.einsum("bnhc,bmhc->bnmh", query, key) / np.sqrt(query.shape[-1])
    mixed = jnp.einsum("bnmh,bmhc->bnhc", jax.nn.softmax(logits + bias, axis=2), value)
    return mixed.reshape(*mixed.shape[:2], -1)


def _block(params: Params, z: jax.Array, bias: jax.Array, config: NetworkConfig) -> jax.Array:
    z = _norm(params["norm_in"], z)
    query, key, value = jnp.split(z @ params["attention"]["query_key_value"]["kernel"], 3, axis=-1)
    mixed = _attend(query, key, value, bias, config.heads) @ params["attention"]["output"]["kernel"]
    z = _norm(params["norm_attention"], _gated(params.get("gate_attention"), z, mixed, config))
    hidden = jnp.square(jax.nn.relu(z @ params["feed_forward"]["hidden"]["kernel"]))
    mapped = hidden @ params["feed_forward"]["output"]["kernel"]
    return _norm(params["norm_feed_forward"], _gated(params.get("gate_feed_forward"), z, mapped, config))


def _gated(params: Params, x: jax.Array, y: jax.Array, config: NetworkConfig) -> jax.Array:
    if config.gate == "none":
        return x + y

    def linear(name: str, value: jax.Array) -> jax.Array:
        return value @ params[name]["kernel"] if config.gate == "dense" else value * params[name]["weight"]

    reset = jax.nn.sigmoid(linear("reset_y", y) + linear("reset_x", x))
    update = jax.nn.sigmoid(linear("update_y", y) + linear("update_x", x) - params["update_bias"])
    candidate = jnp.tanh(linear("candidate_y", y) + linear("candidate_x", 2 * reset * x))
    return (1 - update) * x + update * candidate


def _policy(params: Params, z: jax.Array, places: _Places, features: jax.Array, config: NetworkConfig) -> jax.Array:
    squares = features @ params["square_features"]["kernel"] + params["square_embedding"]
    squares = _norm(params["norm_squares"], squares + places.spread(z @ params["occupant"]["kernel"]))
    key, value = jnp.split(z @ params["token_key_value"]["kernel"], 2, axis=-1)
    mask = jnp.where(places.is_used, 0.0, -1e9)[:, None, :, None]
    seen = _attend(squares @ params["square_query"]["kernel"], key, value, mask, config.policy_heads)
    squares = squares + seen @ params["seen"]["kernel"]
    hidden = jnp.square(jax.nn.relu(squares @ params["hidden"]["kernel"]))
    squares = _norm(params["norm_keys"], squares + hidden @ params["mapped"]["kernel"])
    keys = squares @ params["key"]["kernel"]
    from_tokens = jnp.einsum("bnd,bsd->bns", z @ params["query"]["kernel"], keys) / np.sqrt(config.policy_width)
    plain = places.spread(from_tokens)  # [B, S from, S to]
    under = plain[:, 48:56, 56:, None] + (keys[:, 56:] @ params["under_promotion"]["kernel"])[:, None]
    return jnp.concatenate([plain.reshape(-1, 4096), under.reshape(-1, 192)], axis=1)


def _value(params: Params, z: jax.Array, places: _Places) -> tuple[jax.Array, jax.Array]:
    used = places.is_used[:, :, None].astype(jnp.float32)
    each = jnp.square(jax.nn.relu(z @ params["token"]["kernel"]))
    mean = _norm(params["norm"], jnp.sum(each * used, axis=1) / jnp.sum(used, axis=1))

    def dense(name: str, x: jax.Array) -> jax.Array:
        return x @ params[name]["kernel"] + params[name]["bias"]

    hidden = jax.nn.relu(dense("hidden", mean))
    return dense("win_draw_loss", hidden), dense("bins", hidden)
