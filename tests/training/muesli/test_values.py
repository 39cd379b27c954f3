"""Values: two-hot targets, the Retrace return by hand and as a sum of errors, the scale of advantages."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reference import muesli_reference as slow
from training.muesli.values import (
    REWARD_SUPPORT,
    categorical_loss,
    expected_value,
    initial_scale,
    result_targets,
    retrace_returns,
    sigma,
    trace_coefficient,
    two_hot,
    updated_scale,
    zero_sum_discount,
)

SUPPORT = jnp.linspace(-1.0, 1.0, 21)


@given(value=st.floats(-1.5, 1.5, width=32))
def test_two_hot_is_the_reference_and_keeps_the_expectation(value: float) -> None:
    weights = np.asarray(two_hot(jnp.float32(value), SUPPORT))
    np.testing.assert_allclose(weights, slow.two_hot(value, np.asarray(SUPPORT, np.float64)), atol=1e-4)
    assert weights @ np.asarray(SUPPORT) == pytest.approx(np.clip(value, -1, 1), abs=1e-5)


def test_rewards_are_three_classes() -> None:
    np.testing.assert_array_equal(two_hot(jnp.array([-1.0, 0.0, 1.0]), jnp.asarray(REWARD_SUPPORT)), np.eye(3))


def test_categorical_loss_against_loops_and_its_minimum() -> None:
    rng = np.random.default_rng(0)
    logits, values = rng.normal(size=(6, 21)), rng.uniform(-1, 1, size=6)
    losses = categorical_loss(jnp.asarray(logits), jnp.asarray(values), SUPPORT)
    pairs = zip(logits, values, strict=True)
    expected = [slow.categorical_loss(row, value, np.asarray(SUPPORT)) for row, value in pairs]
    np.testing.assert_allclose(losses, expected, rtol=1e-4)
    target = two_hot(jnp.float32(0.33), SUPPORT)
    assert float(expected_value(jnp.log(target + 1e-9), SUPPORT)) == pytest.approx(0.33, abs=1e-4)


def test_the_scale_is_the_bias_corrected_uncentred_second_moment() -> None:
    rng, scale, weighted = np.random.default_rng(0), initial_scale(), 0.0
    for step in range(5):
        advantage = rng.normal(size=8) + 3.0
        weight = np.array([1, 1, 0, 1, 1, 1, 0, 1.0])
        scale = updated_scale(scale, jnp.asarray(advantage), jnp.asarray(weight), 0.9)
        weighted = 0.9 * weighted + 0.1 * float((weight * advantage**2).sum() / 6)
        assert float(sigma(scale, 0.02)) == pytest.approx(np.sqrt(weighted / (1 - 0.9 ** (step + 1))), rel=1e-4)
    # A centred one would be about 1.
    assert float(sigma(scale, 0.02)) > 2.5


def test_the_scale_has_a_floor() -> None:
    scale = updated_scale(initial_scale(), jnp.full(3, 1e-6), jnp.ones(3), 0.99)
    assert float(sigma(scale, 0.02)) == pytest.approx(0.02)


def test_a_game_of_three_plies_by_hand() -> None:
    # White moves, Black moves, White mates. Values are the mover's; d = -1, -1, 0.
    reward = jnp.array([0.0, 0.0, 1.0])
    discount = zero_sum_discount(jnp.array([False, False, True]))
    # After ply 0 Black thinks v = .1, q(his move) = -.2; after ply 1 White v = .5, q(mate) = .8; then nothing.
    expected_q, taken_q = jnp.array([0.1, 0.5, 9.0]), jnp.array([-0.2, 0.8, 9.0])
    trace = jnp.array([0.5, 0.9, 9.0])
    # G_2 = 1. G_1 = -(.5 + .9 (1 - .8)) = -.68. G_0 = -(.1 + .5 (-.68 + .2)) = .14.
    returns = retrace_returns(reward, discount, expected_q, taken_q, trace)
    np.testing.assert_allclose(returns, [0.14, -0.68, 1.0], atol=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_returns_are_the_sum_of_weighted_errors(seed: int) -> None:
    rng = np.random.default_rng(seed)
    length = 9
    reward, expected_q, taken_q = rng.normal(size=(3, length))
    discount = np.where(rng.random(length) < 0.3, 0.0, -1.0)
    trace = rng.random(length)
    returns = retrace_returns(*(jnp.asarray(x) for x in (reward, discount, expected_q, taken_q, trace)))
    np.testing.assert_allclose(returns, slow.retrace(reward, discount, expected_q, taken_q, trace), atol=1e-5)


def test_full_traces_on_policy_give_the_outcome_from_each_side() -> None:
    rng = np.random.default_rng(0)
    reward = jnp.array([0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0])
    is_terminal = jnp.array([False, False, False, False, True, False, False, True])
    value = jnp.asarray(rng.normal(size=8), jnp.float32)
    # On policy with full traces only the corrections by v - q remain, and they vanish where q = v.
    returns = retrace_returns(reward, zero_sum_discount(is_terminal), value, value, jnp.ones(8))
    np.testing.assert_allclose(returns, [1, -1, 1, -1, 1, 1, -1, 1], atol=1e-6)


def test_results_of_three_games_by_hand() -> None:
    # A game that Black wins with his second move, one that is truncated after a move, one that the sequence cuts off.
    reward = jnp.array([0, 0, 0, 1, 0, 0, 0], jnp.int8)
    is_terminal = jnp.array([False, False, False, True, False, False, False])
    is_known = jnp.array([True, True, True, True, False, True, False])
    predicted = jnp.asarray(np.random.default_rng(0).dirichlet(np.ones(3), size=7), jnp.float32)
    win, loss = [1, 0, 0], [0, 0, 1]
    expected = [loss, win, loss, win, predicted[4], predicted[6][::-1], predicted[6]]
    np.testing.assert_allclose(
        result_targets(reward, is_terminal, is_known, predicted), np.array(expected, np.float32), atol=1e-7
    )


@pytest.mark.parametrize("reward, result", [(1, 0), (0, 1), (-1, 2)])
def test_a_reward_is_a_win_a_draw_or_a_loss_of_the_mover(reward: int, result: int) -> None:
    true = jnp.array([True])
    targets = result_targets(jnp.array([reward], jnp.int8), true, true, jnp.full((1, 3), 1 / 3))
    np.testing.assert_array_equal(targets, np.eye(3)[[result]])


def test_what_comes_after_an_ended_game_does_not_matter() -> None:
    def first(changed: float) -> jax.Array:
        reward = jnp.array([0.0, 0.0, changed])
        discount = zero_sum_discount(jnp.array([False, True, False]))
        q = jnp.array([0.2, changed, changed])
        return retrace_returns(reward, discount, q, q, jnp.full(3, 0.9))[:2]

    np.testing.assert_array_equal(first(0.0), first(7.0))


def test_traces_are_cut_where_the_policy_would_not_have_played() -> None:
    log_policy, log_behaviour = jnp.log(jnp.array([0.1, 0.5])), jnp.log(jnp.array([0.5, 0.1]))
    np.testing.assert_allclose(trace_coefficient(log_policy, log_behaviour, 0.95), [0.19, 0.95], rtol=1e-5)
