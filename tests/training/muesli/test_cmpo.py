"""The CMPO policy, exact and sampled, against loops, its bound and its limits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reference import muesli_reference as slow
from training.muesli import cmpo


def case(seed: int, size: int = 12) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    legal = rng.random(size) < 0.6
    legal[rng.integers(size)] = True
    prior = slow.softmax(rng.normal(size=size) * 2, legal)
    return prior, rng.normal(size=size) * 3, legal


@pytest.mark.parametrize("seed", range(4))
def test_the_exact_target_is_that_of_the_formula(seed: int) -> None:
    prior, advantage, legal = case(seed)
    target = cmpo.exact_target(jnp.log(jnp.maximum(prior, 1e-30)), jnp.asarray(advantage), jnp.asarray(legal), 1.0)
    np.testing.assert_allclose(target, slow.cmpo(prior, advantage, 1.0), atol=1e-6)
    assert np.all(np.asarray(target)[~legal] == 0)


@given(seed=st.integers(0, 10**6), scale=st.floats(0, 1e6), clip=st.floats(0.1, 3))
def test_no_advantage_moves_the_policy_further_than_the_bound(seed: int, scale: float, clip: float) -> None:
    prior, advantage, legal = case(seed)
    log_prior = jnp.log(jnp.maximum(prior, 1e-30))
    target = np.asarray(cmpo.exact_target(log_prior, jnp.asarray(advantage * scale), jnp.asarray(legal), clip))
    variation = 0.5 * np.abs(target - prior).sum()
    assert variation <= np.tanh(clip / 2) + 1e-5
    assert target.sum() == pytest.approx(1, abs=1e-5)


def test_the_bound_is_reached() -> None:
    # Two actions at the two clips, whose prior odds are those that the bound is sharp for.
    share = 1 / (1 + np.e)
    prior = np.array([share, 1 - share])
    target = cmpo.exact_target(jnp.log(prior), jnp.array([9.0, -9.0]), jnp.ones(2, bool), 1.0)
    assert 0.5 * np.abs(np.asarray(target) - prior).sum() == pytest.approx(np.tanh(0.5), abs=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_sampled_weights_are_those_of_the_formula(seed: int) -> None:
    advantage = np.random.default_rng(seed).normal(size=16)
    weights = cmpo.sampled_target(jnp.asarray(advantage), 1.0)
    np.testing.assert_allclose(weights, slow.sampled_weights(advantage, 1.0), rtol=1e-5)


def test_the_sampled_target_tends_to_the_exact_one() -> None:
    prior, advantage, _ = case(5)
    exact = slow.cmpo(prior, advantage, 1.0)
    errors = {}
    for draws in (1, 16, 256):
        keys = jax.random.split(jax.random.key(draws), 4096)

        def target(key: jax.Array, draws: int = draws) -> jax.Array:
            actions = jax.random.choice(key, 12, (draws,), p=jnp.asarray(prior, jnp.float32)).astype(jnp.int32)
            weights = cmpo.sampled_target(jnp.asarray(advantage, jnp.float32)[actions], 1.0)
            return cmpo.over_all_actions(actions, weights, 12)

        errors[draws] = float(np.abs(np.asarray(jnp.mean(jax.vmap(target)(keys), axis=0)) - exact).sum())
    # 4096 means of 256 draws are uncertain to about .005.
    assert errors[16] < 0.5 * errors[1] and errors[256] < 0.02


def test_the_gradient_is_zero_at_the_target_and_nowhere_else() -> None:
    prior, advantage, legal = case(7)
    target = jnp.asarray(slow.cmpo(prior, advantage, 1.0), jnp.float32)

    def loss(logits: jax.Array) -> jax.Array:
        return cmpo.cross_entropy(cmpo.legal_log_policy(logits, jnp.asarray(legal)), target)

    at_target = jax.grad(loss)(jnp.where(legal, jnp.log(jnp.maximum(target, 1e-30)), 5.0))
    np.testing.assert_allclose(at_target, 0, atol=1e-6)
    elsewhere = np.asarray(jax.grad(loss)(jnp.zeros(12)))
    assert np.all(elsewhere[~legal] == 0) and np.abs(elsewhere[legal]).max() > 1e-2


def test_a_single_legal_move_gives_no_gradient_and_no_nan() -> None:
    legal = jnp.arange(5) == 3

    def loss(logits: jax.Array) -> jax.Array:
        log_policy = cmpo.legal_log_policy(logits, legal)
        target = cmpo.exact_target(jax.lax.stop_gradient(log_policy), logits * 7, legal, 1.0)
        return cmpo.cross_entropy(log_policy, jax.lax.stop_gradient(target))

    value, gradient = jax.value_and_grad(loss)(jnp.arange(5.0))
    assert float(value) == 0 and np.all(np.asarray(gradient) == 0)
