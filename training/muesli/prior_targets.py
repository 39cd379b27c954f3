"""Targets from the target network for a batch of sequences: returns, advantages, CMPO policies, and figures."""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from training.muesli import cmpo
from training.muesli.agent import Problem, Root
from training.muesli.lookahead import Lookahead, look_ahead, played_values
from training.muesli.muesli_config import MuesliConfig
from training.muesli.sequences import Sequences, after, is_return_known
from training.muesli.values import (
    AdvantageScale,
    expected_value,
    result_targets,
    retrace_returns,
    sigma,
    trace_coefficient,
    updated_scale,
    zero_sum_discount,
)


class PriorTargets(NamedTuple):
    """Constants of the loss, for positions `[B, T]`.

    Where `sequences.is_return_known` says no, the return holds the value instead.
    """

    log_prior: jax.Array  # [B, T, A]
    value: jax.Array  # [B, T]
    returns: jax.Array  # [B, T]
    past_returns: jax.Array  # [B, T, M]
    advantage: jax.Array  # [B, T], normalised; 0 where the return is not known
    policy: jax.Array  # [B, T, A], CMPO weights
    has_return: jax.Array  # [B, T] float32, 0 where the return is not known
    clipped_share: jax.Array  # [], of candidate advantages that lie on the clip
    root: Root
    result: jax.Array | None = None  # [B, T, 3], win, draw, loss; None unless it is learned


def prior_targets(
    problem: Problem,
    params: chex.ArrayTree,
    sequences: Sequences,
    legal: jax.Array,
    past_log_policies: jax.Array,
    scale: AdvantageScale,
    key: jax.Array,
) -> tuple[PriorTargets, AdvantageScale]:
    """Evaluates a batch with the target network.

    Args:
      problem: network and settings.
      params: of the target network.
      sequences: `[B, T]`.
      legal: bool `[B, T, A]`.
      past_log_policies: `[B, T, M]`, log-probabilities of the actions taken under past policies.
      scale: of advantages, before this batch.
      key: consumed.

    Returns:
      The targets, and the scale after this batch, which normalises them.
    """
    agent, config = problem.agent, problem.config
    batch, length, size = legal.shape
    flat_legal = legal.reshape(batch * length, size)
    root = agent.root(params, sequences.observation.reshape(batch * length, -1))
    log_prior = cmpo.legal_log_policy(root.prediction.policy_logits, flat_legal)
    value = expected_value(root.prediction.value_logits, agent.value_support)
    lookahead = look_ahead(problem, params, root, sequences, flat_legal, log_prior, key)

    def in_time(flat: jax.Array) -> jax.Array:
        return flat.reshape(batch, length, *flat.shape[1:])

    taken = sequences.action.astype(jnp.int32)[..., None]
    log_taken = jnp.take_along_axis(in_time(log_prior), taken, axis=2)[..., 0]
    expected_q, taken_q = (value, value) if config.bootstrap == "value" else (lookahead.expected_q, lookahead.taken_q)
    returns = _returns(sequences, in_time(expected_q), in_time(taken_q), log_taken, in_time(value), config)
    past_returns = _past_returns(problem, sequences, root, lookahead, past_log_policies)
    has_return = is_return_known(sequences).astype(jnp.float32)
    advantage = (returns - in_time(value)) * has_return
    scale = updated_scale(scale, advantage, has_return, config.advantage_decay)
    divisor = sigma(scale, config.advantage_floor) if config.normalises_advantages else jnp.float32(1)
    # Of some actions only, values are compared with each other: the position's own may differ from all of them.
    baseline = lookahead.expected_q if config.cmpo_mode == "best" else value
    improvement = config.cmpo_gain * (lookahead.q - baseline[:, None]) / divisor
    targets = PriorTargets(
        log_prior=in_time(log_prior),
        value=in_time(value),
        returns=returns,
        past_returns=past_returns,
        advantage=advantage / divisor,
        policy=in_time(_policy_target(lookahead, log_prior, improvement, size, config)),
        has_return=has_return,
        clipped_share=_share(jnp.abs(improvement) >= config.cmpo_clip, lookahead.is_candidate),
        root=root,
        result=_results(sequences, root) if config.weights.result else None,
    )
    return jax.lax.stop_gradient(targets), scale


def _returns(
    sequences: Sequences,
    expected_q: jax.Array,
    taken_q: jax.Array,
    log_policy: jax.Array,
    value: jax.Array,
    config: MuesliConfig,
) -> jax.Array:
    """Returns G `[B, T]`, the value where the outcome is not known: it is of the next sequence, or was never played."""
    is_known = is_return_known(sequences)
    reward = jnp.where(is_known, sequences.reward.astype(jnp.float32), value)
    discount = jnp.where(is_known, zero_sum_discount(sequences.is_terminal), 0.0)
    # No step before it learns from a return that is not known.
    trace = trace_coefficient(log_policy, sequences.log_behaviour, config.retrace_lambda) * is_known
    following = (jax.vmap(lambda values: after(values, 1))(values) for values in (expected_q, taken_q, trace))
    return jax.vmap(retrace_returns)(reward, discount, *following)


def _results(sequences: Sequences, root: Root) -> jax.Array:
    """Returns win, draw and loss `[B, T, 3]`, the prediction where the outcome is not known."""
    logits = root.prediction.result_logits
    assert logits is not None, "a network without a head of results"
    predicted = jax.nn.softmax(logits, axis=-1).reshape(*sequences.reward.shape, 3)
    return jax.vmap(result_targets)(sequences.reward, sequences.is_terminal, is_return_known(sequences), predicted)


def _past_returns(
    problem: Problem, sequences: Sequences, root: Root, lookahead: Lookahead, log_policies: jax.Array
) -> jax.Array:
    """Returns G under each past policy `[B, T, M]`; a position's value stands for the mean of its action values."""
    values = expected_value(root.prediction.past_value_logits, problem.agent.value_support)
    taken_q = values if problem.config.bootstrap == "value" else lookahead.past_taken_q
    return jax.vmap(
        lambda value, q, log_policy: _returns(sequences, value, q, log_policy, value, problem.config),
        in_axes=-1,
        out_axes=-1,
    )(values.reshape(log_policies.shape), taken_q.reshape(log_policies.shape), log_policies)


def _policy_target(
    lookahead: Lookahead, log_prior: jax.Array, improvement: jax.Array, size: int, config: MuesliConfig
) -> jax.Array:
    if config.cmpo_mode == "best":
        return jax.vmap(lambda p, actions, a, c: cmpo.partial_target(p, actions, a, c, config.cmpo_clip))(
            log_prior, lookahead.actions, improvement, lookahead.is_candidate
        )
    if config.cmpo_mode == "exact":
        log_candidates = jnp.take_along_axis(log_prior, lookahead.actions, axis=1)
        weights = jax.vmap(lambda p, a, c: cmpo.exact_target(p, a, c, config.cmpo_clip))(
            log_candidates, improvement, lookahead.is_candidate
        )
        if lookahead.actions.shape[1] == size:
            return weights
    else:
        weights = jax.vmap(lambda a: cmpo.sampled_target(a, config.cmpo_clip))(improvement)
    return jax.vmap(lambda actions, w: cmpo.over_all_actions(actions, w, size))(lookahead.actions, weights)


def _share(is_counted: jax.Array, among: jax.Array) -> jax.Array:
    return jnp.sum(is_counted & among) / jnp.maximum(jnp.sum(among), 1)


_BINS = 10


def prior_metrics(targets: PriorTargets) -> dict[str, jax.Array]:
    """Returns figures, scalars.

    `calibration_error` is the mean distance between predicted value and return, by tenths of the predicted value,
    weighted by their frequency.

    Args:
      targets: of the batch `[B, T]`.
    """
    returns, value = targets.returns[:, :-1], targets.value[:, :-1]
    return {
        "value_explained": correlation(value, returns),
        "calibration_error": calibration_error(value, returns),
        "mean_return": jnp.mean(returns),
        "advantage_size": jnp.mean(jnp.abs(targets.advantage[:, :-1])),
        "cmpo_clipped_share": targets.clipped_share,
        "residual": jnp.mean(targets.root.residual),
        "solver_steps": jnp.mean(targets.root.steps.astype(jnp.float32)),
    }


def model_metrics(model_q: jax.Array, targets: PriorTargets, sequences: Sequences) -> dict[str, jax.Array]:
    """Returns how the model's value of the action taken compares with the rules', scalars.

    The rules' is the reward and the target network's value of the position that really followed.

    Args:
      model_q: `[B, T]`, reward less the value after one step of the model.
      targets: of the batch.
      sequences: the batch.
    """
    model_q, rules_q = model_q[:, :-1], played_values(sequences, targets.value)[:, :-1]
    return {"q_correlation": correlation(model_q, rules_q), "q_error": jnp.mean(jnp.abs(model_q - rules_q))}


def correlation(a: jax.Array, b: jax.Array) -> jax.Array:
    """Returns the correlation coefficient of two arrays of one shape; 0 where one of them is constant."""
    a, b = a - jnp.mean(a), b - jnp.mean(b)
    size = jnp.sqrt(jnp.mean(jnp.square(a)) * jnp.mean(jnp.square(b)))
    return jnp.where(size > 1e-8, jnp.mean(a * b) / jnp.maximum(size, 1e-8), 0.0)


def calibration_error(predicted: jax.Array, outcome: jax.Array) -> jax.Array:
    """Returns the expected calibration error of values in [-1, 1], over ten equal bins."""
    index = jnp.clip(((predicted + 1.0) * 0.5 * _BINS).astype(jnp.int32), 0, _BINS - 1).reshape(-1)
    is_in = (index[:, None] == jnp.arange(_BINS, dtype=jnp.int32)[None]).astype(jnp.float32)
    gaps = is_in.T @ (predicted - outcome).reshape(-1)
    return jnp.sum(jnp.abs(gaps)) / index.size
