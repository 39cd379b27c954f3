"""Returns, advantages and CMPO policies of a whole batch against loops, for a network that is a table."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.reference import muesli_reference as slow
from training.muesli.agent import ModelStep, Prediction, Problem, Root
from training.muesli.candidate_actions import candidates
from training.muesli.cmpo import legal_log_policy
from training.muesli.muesli_config import MuesliConfig
from training.muesli.prior_targets import PriorTargets, prior_targets
from training.muesli.sequences import Sequences, Successors, pack_legal
from training.muesli.values import initial_scale

GAMES, LENGTH, ACTIONS, BINS = 3, 6, 5, 7
SUPPORT = np.linspace(-1, 1, BINS)
PAST = 2


class TableAgent:
    """An observation is the number of its row in the tables; so is its latent."""

    value_support = jnp.asarray(SUPPORT, jnp.float32)

    def init(self, key: jax.Array) -> Any:
        del key
        rng, rows = np.random.default_rng(0), GAMES * LENGTH
        shapes = {
            "policy": (rows, ACTIONS),
            "value": (rows, BINS),
            "past": (rows, PAST, BINS),
            "reward_after": (rows, ACTIONS, 3),
            "value_after": (rows, ACTIONS, BINS),
            "past_after": (rows, ACTIONS, PAST, BINS),
        }
        return {name: jnp.asarray(2 * rng.normal(size=shape), jnp.float32) for name, shape in shapes.items()}

    def root(self, params: Any, observation: jax.Array) -> Root:
        row = observation[:, 0].astype(jnp.int32)
        prediction = Prediction(
            policy_logits=params["policy"][row],
            value_logits=params["value"][row],
            past_value_logits=params["past"][row],
        )
        return Root(latent=row[:, None, None], prediction=prediction, residual=row * 0.0, steps=row * 0)

    def advance(self, params: Any, latent: jax.Array, action: jax.Array) -> ModelStep:
        row = latent[:, 0, 0]
        prediction = Prediction(
            policy_logits=params["policy"][row],
            value_logits=params["value_after"][row, action],
            past_value_logits=params["past_after"][row, action],
        )
        return ModelStep(latent=latent, reward_logits=params["reward_after"][row, action], prediction=prediction)


def expectation(logits: np.ndarray, support: np.ndarray) -> np.ndarray:
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return (weights / weights.sum(axis=-1, keepdims=True)) @ support


def what_follows() -> Successors:
    """Returns some other row of the tables, perhaps an ended game, after every action `[..., ACTIONS]`."""
    rng, shape = np.random.default_rng(2), (GAMES, LENGTH, ACTIONS)
    return Successors(
        action=jnp.broadcast_to(jnp.arange(ACTIONS, dtype=jnp.int16), shape),
        observation=jnp.asarray(rng.integers(GAMES * LENGTH, size=(*shape, 1)), jnp.int8),
        reward=jnp.asarray(rng.integers(-1, 2, size=shape), jnp.int8),
        is_terminal=jnp.asarray(rng.random(shape) < 0.4),
    )


def after_actions(actions: jax.Array) -> Successors:
    """Returns what follows actions `[..., C]`, -1 where there is none."""

    def picked(leaf: jax.Array) -> jax.Array:
        index = jnp.maximum(actions, 0).reshape(*actions.shape, *(1,) * (leaf.ndim - 3))
        return jnp.take_along_axis(leaf, index, axis=2)

    return jax.tree.map(picked, what_follows()).replace(action=actions.astype(jnp.int16))


def case() -> tuple[Sequences, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    shape = (GAMES, LENGTH)
    legal = rng.random((*shape, ACTIONS)) < 0.6
    action = rng.integers(ACTIONS, size=shape)
    np.put_along_axis(legal, action[..., None], True, axis=-1)
    np.put_along_axis(legal, (action[..., None] + 1) % ACTIONS, False, axis=-1)
    is_terminal = rng.random(shape) < 0.3
    sequences = Sequences(
        observation=jnp.arange(GAMES * LENGTH, dtype=jnp.int8).reshape(*shape, 1),
        legal=pack_legal(jnp.asarray(legal)),
        action=jnp.asarray(action, jnp.int16),
        log_behaviour=jnp.asarray(np.log(rng.uniform(0.1, 0.9, size=shape)), jnp.float32),
        reward=jnp.asarray(is_terminal * rng.integers(0, 2, size=shape), jnp.int8),
        is_terminal=jnp.asarray(is_terminal),
        is_truncated=jnp.asarray(~is_terminal & (rng.random(shape) < 0.3)),
    )
    return sequences, legal, np.log(rng.uniform(0.1, 0.9, size=(*shape, PAST)))


def targets_of(config: MuesliConfig, most_legal: int) -> PriorTargets:
    sequences, legal, past = case()
    agent = TableAgent()
    problem = Problem(agent, config, ACTIONS, most_legal)
    params = agent.init(jax.random.key(0))
    if config.lookahead == "rules":
        log_prior = legal_log_policy(params["policy"], jnp.asarray(legal).reshape(-1, ACTIONS))
        flat = candidates(config, most_legal, jnp.asarray(legal).reshape(-1, ACTIONS), log_prior, jax.random.key(5))
        sequences = sequences.replace(successors=after_actions(flat.reshape(GAMES, LENGTH, -1)))
    compute = jax.jit(
        lambda key: prior_targets(
            problem, params, sequences, jnp.asarray(legal), jnp.asarray(past, jnp.float32), initial_scale(), key
        )[0],
    )
    return jax.device_get(compute(jax.random.key(3)))


def action_values(tables: dict[str, np.ndarray], lookahead: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns q `[GAMES, LENGTH, ACTIONS]`, and `[..., PAST]` under past policies."""
    if lookahead == "model":
        reward_after = expectation(tables["reward_after"], np.array([-1.0, 0, 1]))
        q = (reward_after - expectation(tables["value_after"], SUPPORT)).reshape(GAMES, LENGTH, ACTIONS)
        past_q = reward_after[..., None] - expectation(tables["past_after"], SUPPORT)
        return q, past_q.reshape(GAMES, LENGTH, ACTIONS, PAST)
    q, past_q = np.zeros((GAMES, LENGTH, ACTIONS)), np.zeros((GAMES, LENGTH, ACTIONS, PAST))
    after = jax.device_get(what_follows())
    for place in np.ndindex(q.shape):
        q[place] = past_q[place] = after.reward[place]
        if not after.is_terminal[place]:
            row = after.observation[place][0]
            q[place] -= expectation(tables["value"][row], SUPPORT)
            past_q[place] -= expectation(tables["past"][row], SUPPORT)
    return q, past_q


def played(sequences: Sequences, value: np.ndarray, b: int) -> np.ndarray:
    """Returns reward less the value of the position that came, of the actions of one game."""
    q = np.array(sequences.reward[b], float)
    for t in range(LENGTH - 1):
        if not (sequences.is_terminal[b, t] or sequences.is_truncated[b, t]):
            q[t] -= value[b, t + 1]
    return q


def segments(sequences: Sequences) -> list[tuple[int, int, int]]:
    """Returns game, first step and end of the parts of sequences between truncations."""
    parts = []
    for b in range(GAMES):
        cuts = [0, *(t + 1 for t in range(LENGTH - 1) if sequences.is_truncated[b, t]), LENGTH]
        parts += [(b, start, end) for start, end in zip(cuts, cuts[1:], strict=False)]
    return parts


@pytest.mark.parametrize(
    ("retrace_lambda", "normalises", "bootstrap", "lookahead"),
    [
        (0.95, True, "model", "model"),
        (0.0, False, "model", "model"),
        (0.8, True, "value", "model"),
        (0.9, True, "model", "rules"),
    ],
)
def test_targets_are_those_of_the_loops(
    retrace_lambda: float, normalises: bool, bootstrap: Any, lookahead: Any
) -> None:
    config = MuesliConfig(
        retrace_lambda=retrace_lambda, normalises_advantages=normalises, bootstrap=bootstrap, lookahead=lookahead
    )
    targets = targets_of(config, ACTIONS)
    sequences, legal, past = case()
    tables = {name: np.asarray(t, np.float64) for name, t in TableAgent().init(jax.random.key(0)).items()}
    action, is_terminal = np.asarray(sequences.action), np.asarray(sequences.is_terminal)
    value = expectation(tables["value"], SUPPORT).reshape(GAMES, LENGTH)
    q, past_q = action_values(tables, lookahead)
    past_value = expectation(tables["past"], SUPPORT).reshape(GAMES, LENGTH, PAST)
    logits = tables["policy"].reshape(GAMES, LENGTH, ACTIONS)
    advantages = []
    for b, start, end in segments(sequences):
        at = slice(start, end)
        prior = np.stack([slow.softmax(logits[b, t], legal[b, t]) for t in range(start, end)])
        steps = np.arange(start, end)
        taken_q, taken = q[b, steps, action[b, at]], prior[steps - start, action[b, at]]
        if lookahead == "rules":
            taken_q = played(sequences, value, b)[at]
        # Where the last action ended the game every return is known, elsewhere all but the last one.
        length = end - start
        known = length if is_terminal[b, end - 1] else length - 1
        reward, discount = np.asarray(sequences.reward[b], float), np.where(is_terminal[b], 0.0, -1.0)
        reward, discount = reward[at][:known], discount[at][:known]

        def following(values: np.ndarray, known: int = known) -> np.ndarray:
            return np.append(values[1:], 0.0)[:known]

        behaviour = np.exp(np.asarray(sequences.log_behaviour[b], float))[at]
        trace = retrace_lambda * np.minimum(1, taken / behaviour)
        expected_q = (prior * q[b, at]).sum(axis=1)
        guess, taken_guess = (value[b, at], value[b, at]) if bootstrap == "value" else (expected_q, taken_q)
        returns = slow.retrace(reward, discount, *map(following, (guess, taken_guess, trace)))
        np.testing.assert_allclose(targets.returns[b, at][:known], returns, atol=1e-5)
        np.testing.assert_allclose(targets.returns[b, at][known:], value[b, at][known:], atol=1e-5)
        np.testing.assert_array_equal(targets.has_return[b, at], np.arange(length) < known)
        advantages.append((b, start, returns - value[b, at][:known]))
        for m in range(PAST):
            trace = retrace_lambda * np.minimum(1, np.exp(past[b, at, m]) / behaviour)
            past_taken = past_q[b, steps, action[b, at], m]
            if lookahead == "rules":
                past_taken = played(sequences, past_value[..., m], b)[at]
            taken_guess = past_value[b, at, m] if bootstrap == "value" else past_taken
            expected = slow.retrace(reward, discount, *map(following, (past_value[b, at, m], taken_guess, trace)))
            np.testing.assert_allclose(targets.past_returns[b, at, m][:known], expected, atol=1e-5)
    # The first batch's bias-corrected second moment is its own mean square.
    squares = np.square(np.concatenate([advantage for _, _, advantage in advantages]))
    divisor = np.sqrt(np.mean(squares)) if normalises else 1.0
    expected_advantage = np.zeros((GAMES, LENGTH))
    for b, start, advantage in advantages:
        expected_advantage[b, start : start + len(advantage)] = advantage / divisor
    np.testing.assert_allclose(targets.advantage, expected_advantage, atol=1e-4)
    for b in range(GAMES):
        for t in range(LENGTH):
            prior = slow.softmax(logits[b, t], legal[b, t])
            policy = slow.cmpo(prior, (q[b, t] - value[b, t]) / divisor, 1.0)
            np.testing.assert_allclose(targets.policy[b, t], policy, atol=1e-4)


def test_the_case_has_every_kind_of_end() -> None:
    sequences, _, _ = case()
    assert set(np.asarray(sequences.is_terminal[:, -1]).tolist()) == {True, False}
    assert sequences.is_truncated[:, :-1].any() and sequences.is_terminal[:, :-1].any()


def test_a_shorter_list_of_the_legal_actions_gives_the_same_targets() -> None:
    _, legal, _ = case()
    most = int(legal.sum(axis=2).max())
    assert most < ACTIONS
    for config in (MuesliConfig(), MuesliConfig(lookahead="rules")):
        whole, listed = targets_of(config, ACTIONS), targets_of(config, most)
        for name in ("returns", "advantage", "policy", "past_returns"):
            np.testing.assert_allclose(getattr(listed, name), getattr(whole, name), atol=1e-5, err_msg=name)


@pytest.mark.parametrize("lookahead", ["model", "rules"])
def test_of_the_most_probable_actions_values_are_compared_and_the_others_are_average(lookahead: Any) -> None:
    known = 2
    config = MuesliConfig(
        cmpo_mode="best",
        cmpo_samples=known,
        cmpo_gain=1.5,
        lookahead=lookahead,
        bootstrap="value",
        normalises_advantages=False,
    )
    targets, (_, legal, _) = targets_of(config, ACTIONS), case()
    tables = {name: np.asarray(t, np.float64) for name, t in TableAgent().init(jax.random.key(0)).items()}
    q, _ = action_values(tables, lookahead)
    logits = tables["policy"].reshape(GAMES, LENGTH, ACTIONS)
    counts = set()
    for b, t in np.ndindex(GAMES, LENGTH):
        prior, advantage = slow.softmax(logits[b, t], legal[b, t]), np.zeros(ACTIONS)
        chosen = [a for a in np.argsort(-prior)[:known] if legal[b, t, a]]
        mean = sum(prior[a] * q[b, t, a] for a in chosen) / sum(prior[a] for a in chosen)
        for a in chosen:
            advantage[a] = 1.5 * (q[b, t, a] - mean)
        np.testing.assert_allclose(targets.policy[b, t], slow.cmpo(prior, advantage, 1.0), atol=1e-4)
        counts.add((len(chosen), int(legal[b, t].sum())))
    # Some positions have more legal actions than are compared, others as many or fewer.
    assert {legal_count > known for _, legal_count in counts} == {True, False}


def test_many_draws_give_about_the_exact_targets() -> None:
    exact = targets_of(MuesliConfig(normalises_advantages=False), ACTIONS)
    drawn = targets_of(MuesliConfig(normalises_advantages=False, cmpo_mode="sampled", cmpo_samples=2000), ACTIONS)
    # Means of 2000 draws of numbers of size 1.
    np.testing.assert_allclose(drawn.returns, exact.returns, atol=0.2)
    np.testing.assert_allclose(drawn.policy, exact.policy, atol=0.08)
