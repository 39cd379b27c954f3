"""The Retrace return: a game by hand, the sum over later errors, Monte Carlo."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.reference import muesli_reference as slow
from training.muesli.retrace import retrace_returns, trace_coefficient, zero_sum_discount


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
