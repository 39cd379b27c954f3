"""The loss of Muesli on a batch of sequences: policy gradient, CMPO, and the model's policies, values and rewards."""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import optax

from training.muesli import cmpo
from training.muesli.agent import ModelStep, Prediction, Problem
from training.muesli.lookahead import action_value
from training.muesli.prior_targets import PriorTargets, model_metrics
from training.muesli.sequences import Sequences, UnrollMasks, after, unroll_masks
from training.muesli.values import REWARD_SUPPORT, categorical_loss

Metrics = dict[str, jax.Array]


class LossBatch(NamedTuple):
    """The constants of the loss, for positions `[B, T]`."""

    sequences: Sequences
    legal: jax.Array  # [B, T, A] bool
    targets: PriorTargets
    anchor_log_policy: jax.Array | None  # [B, T, A], of the weights the run began with


def muesli_loss(problem: Problem, params: chex.ArrayTree, batch: LossBatch) -> tuple[jax.Array, Metrics]:
    """Returns the loss and its parts.

    Args:
      problem: network and settings.
      params: of the learning network.
      batch: sequences and constants.

    Returns:
      The weighted sum of the terms, and each of them, means over the entries that count; without those of a model that
      is not needed.
    """
    size, length = problem.actions, batch.legal.shape[1]
    root = problem.agent.root(params, _flat(batch.sequences.observation))
    log_policy = cmpo.legal_log_policy(root.prediction.policy_logits, _flat(batch.legal)).reshape(-1, length, size)
    terms = _policy_terms(log_policy, batch)
    always = jnp.ones_like(batch.targets.has_return)
    terms |= _value_terms(problem, root.prediction, batch.targets, 0, batch.targets.has_return, always)
    terms["value"], past_value = terms.pop("value_0"), terms.pop("past_value_0")
    if batch.targets.result is not None:
        assert root.prediction.result_logits is not None, "a network without a head of results"
        log_result = jax.nn.log_softmax(root.prediction.result_logits).reshape(batch.targets.result.shape)
        terms["result"] = _mean(cmpo.cross_entropy(log_result, batch.targets.result), batch.targets.has_return)
    metrics = _policy_metrics(log_policy, batch)
    if problem.config.needs_model:
        model_terms, model_q = _model_terms(problem, params, root.latent, batch)
        terms |= model_terms
        metrics |= model_metrics(model_q, batch.targets, batch.sequences)
        steps = problem.config.unroll_steps
        terms["past_value"] = (past_value + steps * terms["past_value"]) / (steps + 1)
    weights = problem.config.weights
    loss = sum(getattr(weights, name) * term for name, term in terms.items())
    metrics |= {f"{name}_loss": term for name, term in terms.items()}
    return jnp.asarray(loss), metrics | {"loss": jnp.asarray(loss)}


def _policy_terms(log_policy: jax.Array, batch: LossBatch) -> Metrics:
    targets = batch.targets
    log_taken = _at_action(log_policy, batch.sequences)
    gradient = policy_gradient_loss(log_taken, batch.sequences.log_behaviour, targets.advantage)
    # The entropy of the target is no part of the gradient; with it the term is a divergence, 0 at the target.
    divergence = cmpo.cross_entropy(log_policy, targets.policy) - cmpo.entropy(targets.policy)
    terms = {
        "policy_gradient": _mean(gradient, targets.has_return),
        "cmpo": jnp.mean(divergence),
        "anchor": jnp.float32(0),
    }
    if batch.anchor_log_policy is not None:
        anchor = jnp.where(batch.legal, jnp.exp(batch.anchor_log_policy), 0.0)
        terms["anchor"] = jnp.mean(cmpo.cross_entropy(log_policy, anchor) - cmpo.entropy(anchor))
    return terms


def _model_terms(
    problem: Problem, params: chex.ArrayTree, latent: jax.Array, batch: LossBatch
) -> tuple[Metrics, jax.Array]:
    """Unrolls the model along the actions that were played, from every position of the batch.

    Returns:
      The terms, and the model's value of the action taken, `[B, T]`.
    """
    steps, share = problem.config.unroll_steps, problem.config.latent_gradient
    sequences, targets = batch.sequences, batch.targets
    ends = sequences.is_terminal, sequences.is_truncated
    masks = jax.vmap(lambda is_terminal, is_truncated: unroll_masks(is_terminal, is_truncated, steps))(*ends)
    action, reward = sequences.action.astype(jnp.int32), sequences.reward.astype(jnp.float32)
    parts: dict[str, list[jax.Array]] = {}
    made: list[ModelStep] = []
    for k in range(1, steps + 1):
        latent = optax.scale_gradient(latent, share)
        step = problem.agent.advance(params, latent, _flat(_after(action, k - 1)))
        latent = step.latent
        made.append(step)
        reached, same = masks.is_reached[..., k], masks.is_same_game[..., k]
        known = same * _after(targets.has_return, k) + (reached - same)
        reward_loss = categorical_loss(step.reward_logits, _flat(_after(reward, k - 1)), jnp.asarray(REWARD_SUPPORT))
        terms = {"reward": _mean(reward_loss.reshape(reached.shape), masks.is_played[..., k])}
        terms |= _value_terms(problem, step.prediction, targets, k, known, same)
        terms["model_policy"] = _model_policy_term(step.prediction, batch, masks, k)
        for name, term in terms.items():
            parts.setdefault(name.removesuffix(f"_{k}"), []).append(term)
    means = {name: jnp.mean(jnp.stack(values)) for name, values in parts.items()}
    means["model_value"] = means.pop("value")
    return means, action_value(made[0], problem.agent.value_support).reshape(reward.shape)


def _value_terms(
    problem: Problem, prediction: Prediction, targets: PriorTargets, k: int, known: jax.Array, is_same_game: jax.Array
) -> Metrics:
    """Returns the losses of the values k steps on; the value of an ended game is 0."""
    support = problem.agent.value_support
    value = _after(targets.returns, k) * is_same_game
    past_value = _after(targets.past_returns, k) * is_same_game[..., None]
    loss = categorical_loss(prediction.value_logits, _flat(value), support).reshape(known.shape)
    past_loss = categorical_loss(prediction.past_value_logits, _flat(past_value), support)
    past_loss = jnp.sum(past_loss, axis=1).reshape(known.shape)
    return {f"value_{k}": _mean(loss, known), f"past_value_{k}": _mean(past_loss, known)}


def _model_policy_term(prediction: Prediction, batch: LossBatch, masks: UnrollMasks, k: int) -> jax.Array:
    target, same = _after(batch.targets.policy, k), masks.is_same_game[..., k]
    log_policy = cmpo.legal_log_policy(prediction.policy_logits, _flat(_after(batch.legal, k)))
    divergence = cmpo.cross_entropy(log_policy.reshape(target.shape), target) - cmpo.entropy(target)
    return _mean(divergence, same)


def _policy_metrics(log_policy: jax.Array, batch: LossBatch) -> Metrics:
    ratio = jnp.exp(_at_action(log_policy, batch.sequences) - batch.sequences.log_behaviour)
    clipped = clipped_ratio(_at_action(log_policy, batch.sequences), batch.sequences.log_behaviour)
    prior = jnp.where(batch.legal, jnp.exp(batch.targets.log_prior), 0.0)
    policy = jnp.where(batch.legal, jnp.exp(log_policy), 0.0)
    return {
        "ratio": jnp.mean(ratio),
        "ratio_clipped_share": jnp.mean(ratio > clipped),
        "entropy": jnp.mean(cmpo.entropy(policy)),
        "prior_kl": jnp.mean(cmpo.cross_entropy(log_policy, prior) - cmpo.entropy(prior)),
        "cmpo_variation": 0.5 * jnp.mean(jnp.sum(jnp.abs(batch.targets.policy - prior), axis=-1)),
    }


def _flat(values: jax.Array) -> jax.Array:
    """Returns `[B, T, ...]` as `[B * T, ...]`."""
    return values.reshape(values.shape[0] * values.shape[1], *values.shape[2:])


def _after(values: jax.Array, k: int) -> jax.Array:
    return jax.vmap(lambda sequence: after(sequence, k))(values)


def _at_action(log_policy: jax.Array, sequences: Sequences) -> jax.Array:
    action = sequences.action.astype(jnp.int32)[..., None]
    return jnp.take_along_axis(log_policy, action, axis=-1)[..., 0]


def _mean(values: jax.Array, weight: jax.Array) -> jax.Array:
    return jnp.sum(values * weight) / jnp.maximum(jnp.sum(weight), 1.0)


def clipped_ratio(log_policy: jax.Array, log_behaviour: jax.Array) -> jax.Array:
    """Returns min(1, pi / mu) `[...]` of log-probabilities `[...]`."""
    return jnp.exp(jnp.minimum(log_policy - log_behaviour, 0.0))


def policy_gradient_loss(log_policy: jax.Array, log_behaviour: jax.Array, advantage: jax.Array) -> jax.Array:
    """Returns -min(1, rho) adv log pi, whose gradient is that of -rho adv wherever rho is below 1.

    The weight is a constant of the gradient, so that clipping bounds it instead of ending it.

    Args:
      log_policy: `[...]`, of the action taken, under the learning policy.
      log_behaviour: `[...]`, under the policy it was drawn from.
      advantage: `[...]`, return minus the prior's value, normalised; a constant.
    """
    chex.assert_equal_shape([log_policy, log_behaviour, advantage])
    weight = jax.lax.stop_gradient(clipped_ratio(log_policy, log_behaviour) * advantage)
    return -weight * log_policy
