"""Computes action values one step ahead: q = r - v after the action, by the learned model or by the rules."""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from engine.network.attention import MASKED
from training.muesli.agent import Agent, ModelStep, Problem, Root
from training.muesli.candidate_actions import candidates
from training.muesli.sequences import Sequences, Successors, after
from training.muesli.values import REWARD_SUPPORT, expected_value, zero_sum_discount


class Lookahead(NamedTuple):
    """Action values of positions `[N]`."""

    taken_q: jax.Array  # [N]
    actions: jax.Array  # [N, C] int32
    is_candidate: jax.Array  # [N, C] bool
    q: jax.Array  # [N, C]
    expected_q: jax.Array  # [N], under the prior's policy, as far as the candidates tell
    past_taken_q: jax.Array  # [N, M], under past policies


class _Values(NamedTuple):
    """Action values, C of them and that of the action taken."""

    q: jax.Array  # [N, C]
    taken_q: jax.Array  # [N]
    past_taken_q: jax.Array  # [N, M]


def look_ahead(
    problem: Problem,
    params: chex.ArrayTree,
    root: Root,
    sequences: Sequences,
    legal: jax.Array,
    log_prior: jax.Array,
    key: jax.Array,
) -> Lookahead:
    """Values the actions that CMPO chooses among, and those that were taken.

    Args:
      problem: network and settings.
      params: of the target network.
      root: what it says of the positions, N = B * T.
      sequences: `[B, T]`; with the rules their successors are the candidates.
      legal: bool `[N, A]`.
      log_prior: `[N, A]`.
      key: consumed, for candidates that are drawn here.
    """
    if sequences.successors is None:
        actions = candidates(problem.config, problem.most_legal, legal, log_prior, key)
        taken = sequences.action.astype(jnp.int32).reshape(-1)
        values = _by_model(problem.agent, params, root, taken, jnp.maximum(actions, 0))
    else:
        successors = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), sequences.successors)
        actions = successors.action.astype(jnp.int32)
        values = _by_rules(problem.agent, params, root, sequences, successors)
    is_candidate, actions = actions >= 0, jnp.maximum(actions, 0)
    if problem.config.cmpo_mode == "sampled":
        expected_q = jnp.mean(values.q, axis=1)
    else:
        log_candidates = jnp.take_along_axis(log_prior, actions, axis=1)
        share = jax.nn.softmax(jnp.where(is_candidate, log_candidates, MASKED), axis=1)
        expected_q = jnp.sum(jnp.where(is_candidate, share * values.q, 0.0), axis=1)
    return Lookahead(values.taken_q, actions, is_candidate, values.q, expected_q, values.past_taken_q)


def played_values(sequences: Sequences, values: jax.Array) -> jax.Array:
    """Returns the value of each action taken, by the rules: its reward, less the value of the position that followed.

    At the last step of a sequence and where a game was truncated, after which no position is known, it is the reward
    alone.

    Args:
      sequences: `[B, T]`.
      values: of their positions, `[B, T]`, or `[B, T, M]` of M kinds.
    """
    following = jax.vmap(lambda sequence: after(sequence, 1))(values)
    reward = sequences.reward.astype(jnp.float32)
    discount = zero_sum_discount(sequences.is_terminal | sequences.is_truncated)
    if values.ndim == 3:
        reward, discount = reward[..., None], discount[..., None]
    return reward + discount * following


def action_value(step: ModelStep, value_support: jax.Array) -> jax.Array:
    """Returns q = r - v `[N]` of the actions that a step of the model was made with.

    Args:
      step: of the model.
      value_support: `[V]`.
    """
    after = expected_value(step.prediction.value_logits, value_support)
    return expected_value(step.reward_logits, jnp.asarray(REWARD_SUPPORT)) - after


def _by_model(agent: Agent, params: chex.ArrayTree, root: Root, taken: jax.Array, actions: jax.Array) -> _Values:
    """Returns the values of actions `[N, C]` and of those taken by one step of the model."""

    def values_of(action: jax.Array) -> tuple[jax.Array, jax.Array]:
        step = agent.advance(params, root.latent, action)
        reward = expected_value(step.reward_logits, jnp.asarray(REWARD_SUPPORT))
        past_after = expected_value(step.prediction.past_value_logits, agent.value_support)
        return action_value(step, agent.value_support), reward[:, None] - past_after

    # One action at a time: all at once would hold as many latents as there are actions.
    q, past_q = jax.lax.map(values_of, jnp.concatenate([taken[:, None], actions], axis=1).T)
    return _Values(q[1:].T, q[0], past_q[0])


def _by_rules(
    agent: Agent, params: chex.ArrayTree, root: Root, sequences: Sequences, successors: Successors
) -> _Values:
    """Returns the same from the real positions after the actions; the value of an ended game is 0.

    Args:
      agent: the network.
      params: of the target network.
      root: what it says of the positions.
      sequences: `[B, T]`.
      successors: their own, `[N, C]`.
    """

    def values_after(after: Successors) -> jax.Array:
        value = expected_value(agent.root(params, after.observation).prediction.value_logits, agent.value_support)
        return after.reward.astype(jnp.float32) - (1.0 - after.is_terminal) * value

    q = jax.lax.map(values_after, jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 1, 0), successors))
    value = expected_value(root.prediction.value_logits, agent.value_support).reshape(sequences.reward.shape)
    past_value = expected_value(root.prediction.past_value_logits, agent.value_support)
    past_value = past_value.reshape(*sequences.reward.shape, past_value.shape[-1])
    past_taken_q = played_values(sequences, past_value).reshape(q.shape[1], past_value.shape[-1])
    return _Values(q.T, played_values(sequences, value).reshape(-1), past_taken_q)
