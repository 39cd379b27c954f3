"""The whole loss against loops, with a fake agent whose every output is given; every switch; the gradients it sends."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.doubles.muesli_batches import random_batch
from tests.reference import muesli_reference as slow
from training.muesli.agent import ModelStep, Prediction, Problem, Root
from training.muesli.muesli_config import LossWeights, MuesliConfig
from training.muesli.muesli_loss import Metrics, muesli_loss

GAMES, LENGTH, ACTIONS, BINS, STEPS = 3, 7, 5, 11, 3
SUPPORT = np.linspace(-1, 1, BINS)


class TableAgent:
    """Looks its answers up: a latent is the position's row and the unroll step, parameters are the tables."""

    value_support = jnp.asarray(SUPPORT, jnp.float32)

    def init(self, key: jax.Array) -> Any:
        del key
        rng = np.random.default_rng(0)
        sizes = {"policy": ACTIONS, "value": BINS, "reward": 3, "past": 2 * BINS, "result": 3}
        rows = GAMES * LENGTH
        return {
            name: jnp.asarray(rng.normal(size=(STEPS + 1, rows, size)), jnp.float32) for name, size in sizes.items()
        }

    def _predict(self, params: Any, step: int) -> Prediction:
        past = params["past"][step].reshape(-1, 2, BINS)
        return Prediction(
            policy_logits=params["policy"][step],
            value_logits=params["value"][step],
            past_value_logits=past,
            result_logits=params["result"][step],
        )

    def root(self, params: Any, observation: jax.Array) -> Root:
        rows = observation.shape[0]
        self.step = 0
        return Root(
            latent=jnp.zeros((rows, 1, 1)),
            prediction=self._predict(params, 0),
            residual=jnp.zeros(rows),
            steps=jnp.zeros(rows, jnp.int32),
        )

    def advance(self, params: Any, latent: jax.Array, action: jax.Array) -> ModelStep:
        assert action.shape == (latent.shape[0],)
        self.step += 1
        return ModelStep(
            latent=latent, reward_logits=params["reward"][self.step], prediction=self._predict(params, self.step)
        )


OBSERVATION = jnp.zeros((GAMES, LENGTH, 2), jnp.int8)


def problem(**weights: float) -> Problem:
    config = MuesliConfig(unroll_steps=STEPS, weights=LossWeights(**weights))
    return Problem(TableAgent(), config, ACTIONS, ACTIONS)


@functools.cache
def compiled() -> Callable[..., dict[str, jax.Array]]:
    """Returns the parts of the loss as a compiled function of parameters and batch."""
    return cast(Callable[..., dict[str, jax.Array]], jax.jit(lambda *given: muesli_loss(problem(), *given)[1]))


@pytest.mark.parametrize("seed", range(3))
def test_every_term_is_that_of_the_loops(seed: int) -> None:
    batch, legal = random_batch(seed, OBSERVATION, ACTIONS, 2)
    anchor = np.where(legal, np.random.default_rng(seed).random(legal.shape), 0.0)
    anchor /= anchor.sum(axis=-1, keepdims=True)
    batch = batch._replace(anchor_log_policy=jnp.log(jnp.maximum(jnp.asarray(anchor, jnp.float32), 1e-30)))
    agent = TableAgent()
    params = agent.init(jax.random.key(0))
    metrics = compiled()(params, batch)
    tables = {name: np.asarray(table, np.float64) for name, table in params.items()}
    by_time = {name: table.reshape(STEPS + 1, GAMES, LENGTH, -1) for name, table in tables.items()}
    expected = slow.muesli_terms(
        {
            "logits": by_time["policy"][0],
            "value_logits": by_time["value"][0],
            "model_policy_logits": by_time["policy"],
            "model_value_logits": by_time["value"],
            "model_reward_logits": by_time["reward"],
            "past_value_logits": by_time["past"].reshape(STEPS + 1, GAMES, LENGTH, 2, BINS),
            "legal": legal,
            "action": np.asarray(batch.sequences.action),
            "log_behaviour": np.asarray(batch.sequences.log_behaviour),
            "reward": np.asarray(batch.sequences.reward, np.float64),
            "is_terminal": np.asarray(batch.sequences.is_terminal),
            "is_truncated": np.asarray(batch.sequences.is_truncated),
            "target": np.asarray(batch.targets.policy, np.float64),
            "returns": np.asarray(batch.targets.returns, np.float64),
            "past_returns": np.asarray(batch.targets.past_returns, np.float64),
            "anchor": anchor,
            "advantage": np.asarray(batch.targets.advantage, np.float64),
            "support": SUPPORT,
            "result_logits": by_time["result"][0],
            "result": np.asarray(batch.targets.result, np.float64),
        },
        STEPS,
    )
    assert set(expected) == {field.name for field in dataclasses.fields(LossWeights)}
    for name, value in expected.items():
        assert float(metrics[f"{name}_loss"]) == pytest.approx(value, rel=1e-4, abs=1e-5), name


def test_the_loss_is_the_weighted_sum_and_every_term_has_its_switch() -> None:
    batch, _ = random_batch(0, OBSERVATION, ACTIONS, 2)
    batch = batch._replace(anchor_log_policy=jax.nn.log_softmax(jnp.where(batch.legal, 0.3, -1e9)))
    params = TableAgent().init(jax.random.key(0))
    names = [field.name for field in dataclasses.fields(LossWeights)]
    everything = {name: 0.5 + 0.1 * i for i, name in enumerate(names)}

    def losses(params: Any) -> tuple[jax.Array, Metrics, dict[str, jax.Array]]:
        def loss(**weights: float) -> tuple[jax.Array, Metrics]:
            return muesli_loss(problem(**weights), params, batch)

        return *loss(**everything), {name: loss(**everything | {name: 0.0})[0] for name in names}

    total, metrics, without = jax.jit(losses)(params)
    parts = {name: everything[name] * float(metrics[f"{name}_loss"]) for name in names}
    assert float(total) == pytest.approx(sum(parts.values()), rel=1e-5)
    for name in names:
        assert abs(parts[name]) > 1e-3
        assert float(total - without[name]) == pytest.approx(parts[name], rel=1e-3, abs=1e-5), name


def test_a_model_that_nobody_needs_is_not_computed() -> None:
    class WithoutModel(TableAgent):
        def advance(self, params: Any, latent: jax.Array, action: jax.Array) -> ModelStep:
            raise AssertionError(params, latent, action)

    batch, _ = random_batch(0, OBSERVATION, ACTIONS, 2)
    params = TableAgent().init(jax.random.key(0))
    weights = LossWeights(model_policy=0, model_value=0, reward=0, past_value=0)
    config = MuesliConfig(unroll_steps=STEPS, weights=weights, lookahead="rules")
    total, metrics = muesli_loss(Problem(WithoutModel(), config, ACTIONS, ACTIONS), params, batch)
    with_model, _ = muesli_loss(problem(**dataclasses.asdict(weights)), params, batch)
    assert float(total) == pytest.approx(float(with_model), rel=1e-5)
    assert "q_correlation" not in metrics and "reward_loss" not in metrics
    assert MuesliConfig(weights=weights).needs_model  # it is asked for action values


def test_no_gradient_reaches_an_illegal_action_or_a_step_beyond_the_game() -> None:
    batch, legal = random_batch(1, OBSERVATION, ACTIONS, 2)
    params = TableAgent().init(jax.random.key(0))
    gradient = jax.jit(jax.grad(lambda p: muesli_loss(problem(), p, batch)[0]))(params)
    at_root = np.asarray(gradient["policy"][0]).reshape(GAMES, LENGTH, ACTIONS)
    assert np.all(at_root[~legal] == 0) and np.all(np.isfinite(at_root))
    ended, truncated = np.asarray(batch.sequences.is_terminal), np.asarray(batch.sequences.is_truncated)
    assert ended[:, :-1].any() and truncated[:, :-1].any()
    after_end = np.asarray(gradient["policy"][1]).reshape(GAMES, LENGTH, ACTIONS)[ended | truncated]
    assert np.all(after_end == 0)
    # ... while the ended game itself is learned to be worth nothing, and what its last move won.
    for name in ("value", "reward"):
        table = np.asarray(gradient[name][1]).reshape(GAMES, LENGTH, -1)[:, :-1]
        assert np.all(np.abs(table[ended[:, :-1]]).max(axis=-1) > 1e-5), name
    assert np.all(np.asarray(gradient["value"][1]).reshape(GAMES, LENGTH, -1)[truncated] == 0)
