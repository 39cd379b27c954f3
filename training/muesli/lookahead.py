"""Action values one step ahead: q = r - v after the action, by the learned model or by the rules."""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from training.muesli.agent import Agent, ModelStep, Problem, Root
from training.muesli.candidate_actions import candidates
from training.muesli.categorical_value import REWARD_SUPPORT, expected_value
from training.muesli.sequences import Successors


class Lookahead(NamedTuple):
    """Action values of positions `[N]`."""

    taken_q: jax.Array  # [N]
    actions: jax.Array  # [N, C] int32
    is_candidate: jax.Array  # [N, C] bool
    q: jax.Array  # [N, C]
    expected_q: jax.Array  # [N], under the prior's policy, as far as the candidates tell
    past_taken_q: jax.Array  # [N, M], under past policies


def look_ahead(
    problem: Problem,
    params: chex.ArrayTree,
    root: Root,
    taken: jax.Array,
    legal: jax.Array,
    log_prior: jax.Array,
    successors: Successors | None,
    key: jax.Array,
) -> Lookahead:
    """Values the actions that CMPO chooses among, and those that were taken.

    Args:
      problem: network and settings.
      params: of the target network.
      root: what it says of the positions.
      taken: int32 `[N]`.
      legal: bool `[N, A]`.
      log_prior: `[N, A]`.
      successors: `[N, 1 + C]` if the rules are to be asked, else none; their actions are then the candidates.
      key: consumed, for candidates that are drawn here.
    """
    if successors is None:
        actions = candidates(problem.config, problem.most_legal, legal, log_prior, key)
        every = jnp.concatenate([taken[:, None], actions], axis=1)
        q, past_q = _by_model(problem.agent, params, root, jnp.maximum(every, 0))
    else:
        actions = successors.action[:, 1:].astype(jnp.int32)
        q, past_q = _by_rules(problem.agent, params, successors)
    taken_q, q, is_candidate = q[:, 0], q[:, 1:], actions >= 0
    actions = jnp.maximum(actions, 0)
    if problem.config.cmpo_mode == "sampled":
        expected_q = jnp.mean(q, axis=1)
    else:
        prior = jnp.where(is_candidate, jnp.exp(jnp.take_along_axis(log_prior, actions, axis=1)), 0.0)
        expected_q = jnp.sum(prior * jnp.where(is_candidate, q, 0.0), axis=1) / jnp.sum(prior, axis=1)
    return Lookahead(taken_q, actions, is_candidate, q, expected_q, past_q[:, 0])


def action_value(step: ModelStep, value_support: jax.Array) -> jax.Array:
    """Returns q = r - v `[N]` of the actions that a step of the model was made with.

    Args:
      step: of the model.
      value_support: `[V]`.
    """
    after = expected_value(step.prediction.value_logits, value_support)
    return expected_value(step.reward_logits, jnp.asarray(REWARD_SUPPORT)) - after


def _by_model(agent: Agent, params: chex.ArrayTree, root: Root, actions: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns q `[N, C]`, and under past policies `[N, C, M]`, of actions `[N, C]` by one step of the model."""

    def values_of(action: jax.Array) -> tuple[jax.Array, jax.Array]:
        step = agent.advance(params, root.latent, action)
        reward = expected_value(step.reward_logits, jnp.asarray(REWARD_SUPPORT))
        past_after = expected_value(step.prediction.past_value_logits, agent.value_support)
        return action_value(step, agent.value_support), reward[:, None] - past_after

    # One action at a time: all at once would hold as many latents as there are actions.
    q, past_q = jax.lax.map(values_of, actions.T)
    return q.T, jnp.moveaxis(past_q, 0, 1)


def _by_rules(agent: Agent, params: chex.ArrayTree, successors: Successors) -> tuple[jax.Array, jax.Array]:
    """Returns the same from the real positions after the actions; the value of an ended game is 0."""

    def values_after(after: Successors) -> tuple[jax.Array, jax.Array]:
        prediction = agent.root(params, after.observation).prediction
        reward, goes_on = after.reward.astype(jnp.float32), 1.0 - after.is_terminal
        value = expected_value(prediction.value_logits, agent.value_support)
        past_value = expected_value(prediction.past_value_logits, agent.value_support)
        return reward - goes_on * value, reward[:, None] - goes_on[:, None] * past_value

    q, past_q = jax.lax.map(values_after, jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 1, 0), successors))
    return q.T, jnp.moveaxis(past_q, 0, 1)
