"""The smaller parts of Muesli: policy gradient, optimiser, masks, lists, figures, settings."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from training.muesli.candidate_actions import all_legal, drawn, most_probable
from training.muesli.muesli_config import LossWeights, MuesliConfig
from training.muesli.muesli_loss import policy_gradient_loss
from training.muesli.muesli_update import clipped_adam
from training.muesli.prior_targets import calibration_error, correlation
from training.muesli.sequences import after, pack_legal, unpack_legal, unroll_masks


def test_clipping_the_ratio_bounds_the_gradient_and_does_not_end_it() -> None:
    def gradient(log_policy: float, log_behaviour: float) -> float:
        loss = lambda x: policy_gradient_loss(x, jnp.float32(log_behaviour), jnp.float32(2.0))  # noqa: E731
        return float(jax.grad(loss)(jnp.float32(log_policy)))

    # Below 1 it is that of -rho adv, whose derivative by log pi is -rho adv.
    assert gradient(np.log(0.1), np.log(0.4)) == pytest.approx(-0.25 * 2, rel=1e-5)
    assert gradient(np.log(0.9), np.log(0.1)) == pytest.approx(-2, rel=1e-5)


def test_no_weight_moves_further_than_the_learning_rate() -> None:
    params = {"a": jnp.zeros((3, 2))}
    steady, surprise = {"a": jnp.full((3, 2), 1e-3)}, {"a": jnp.full((3, 2), 1e3)}
    changes = {}
    for clips in (True, False):
        optimizer = clipped_adam(0.01, 0.0, clips)
        state = optimizer.init(params)
        update = jax.jit(optimizer.update)
        for _ in range(400):
            _, state = update(steady, state, params)
        changes[clips] = np.abs(np.asarray(optimizer.update(surprise, state, params)[0]["a"])).max()
    assert changes[True] <= 0.0100001 and changes[False] > 0.015


def test_the_network_of_chess_can_have_a_smaller_rate() -> None:
    params = {"network": {"a": jnp.zeros((3, 2))}, "model": {"network": jnp.zeros(3)}}
    optimizer = clipped_adam(0.01, 0.0, True, network_share=0.1)
    changes, _ = optimizer.update(jax.tree.map(jnp.ones_like, params), optimizer.init(params), params)
    np.testing.assert_allclose(changes["network"]["a"], -0.001, rtol=1e-5)
    np.testing.assert_allclose(changes["model"]["network"], -0.01, rtol=1e-5)


def test_masks_by_hand() -> None:
    # The game ends with the action at 2, a new one starts at 3.
    never = jnp.zeros(5, bool)
    masks = unroll_masks(jnp.array([False, False, True, False, False]), never, 2)
    np.testing.assert_array_equal(masks.is_same_game, [[1, 1, 1], [1, 1, 0], [1, 0, 0], [1, 1, 0], [1, 0, 0]])
    np.testing.assert_array_equal(masks.is_reached, [[1, 1, 1], [1, 1, 1], [1, 1, 0], [1, 1, 0], [1, 0, 0]])
    # What the last action brought is known, the position after it is not.
    np.testing.assert_array_equal(masks.is_played, [[0, 1, 1], [0, 1, 1], [0, 1, 0], [0, 1, 1], [0, 1, 0]])


def test_after_shifts_and_pads() -> None:
    np.testing.assert_array_equal(after(jnp.array([1, 2, 3]), 2), [3, 0, 0])
    np.testing.assert_array_equal(after(jnp.array([1, 2, 3]), 0), [1, 2, 3])
    np.testing.assert_array_equal(after(jnp.array([1, 2]), 5), [0, 0])


def test_legal_actions_are_listed_completely() -> None:
    legal = np.random.default_rng(0).random((5, 40)) < 0.2
    actions, is_legal = all_legal(jnp.asarray(legal), 16)
    for row in range(5):
        assert sorted(np.asarray(actions)[row][np.asarray(is_legal)[row]]) == list(np.flatnonzero(legal[row]))
    everything, same = all_legal(jnp.asarray(legal), 40)
    np.testing.assert_array_equal(everything, np.tile(np.arange(40), (5, 1)))
    np.testing.assert_array_equal(same, legal)


def test_the_most_probable_legal_actions_come_first() -> None:
    legal = jnp.array([[True, False, True, True, True], [False, False, True, False, False]])
    log_policy = jnp.log(jnp.array([[0.1, 0.4, 0.3, 0.05, 0.15], [0.2, 0.2, 0.2, 0.2, 0.2]]))
    actions, is_legal = most_probable(legal, log_policy, 3)
    np.testing.assert_array_equal(actions[0], [2, 4, 0])
    assert actions[1, 0] == 2
    np.testing.assert_array_equal(is_legal, [[True, True, True], [True, False, False]])


def test_draws_follow_the_policy() -> None:
    policy = np.array([[0.5, 0.5, 0.0], [0.0, 0.1, 0.9]])
    actions = np.asarray(drawn(jax.random.key(0), jnp.log(jnp.maximum(policy, 1e-30)), 4000))
    shares = np.stack([(actions == a).mean(axis=1) for a in range(3)], axis=1)
    np.testing.assert_allclose(shares, policy, atol=0.04)  # five standard errors


def test_legal_bits_survive_packing() -> None:
    legal = np.random.default_rng(0).random((3, 4, 13)) < 0.5
    packed = pack_legal(jnp.asarray(legal))
    assert packed.shape == (3, 4, 2) and packed.dtype == jnp.uint8
    np.testing.assert_array_equal(unpack_legal(packed, 13), legal)


def test_figures_about_values() -> None:
    x = np.random.default_rng(0).normal(size=50)
    y = 0.5 * x + np.random.default_rng(1).normal(size=50)
    assert float(correlation(jnp.asarray(x), jnp.asarray(y))) == pytest.approx(np.corrcoef(x, y)[0, 1], abs=1e-4)
    assert float(correlation(jnp.ones(5), jnp.arange(5.0))) == 0
    # Half of the positions are valued .5 and won half the time (return 0), the others are right.
    error = calibration_error(jnp.array([0.5, 0.5, -0.5, -0.5]), jnp.array([1.0, -1.0, -0.5, -0.5]))
    assert float(error) == pytest.approx(0.25)


def test_settings_are_checked() -> None:
    for changes in ({"unroll_steps": 0}, {"cmpo_clip": 0.0}, {"retrace_lambda": 1.5}, {"past_rates": (0.0,)}):
        with pytest.raises(ValueError, match=next(iter(changes))):
            MuesliConfig(**changes)
    with pytest.raises(ValueError, match="expected cmpo_mode exact or best with lookahead rules, got sampled"):
        MuesliConfig(lookahead="rules", cmpo_mode="sampled")
    with pytest.raises(ValueError, match="expected bootstrap value with cmpo_mode best, got model"):
        MuesliConfig(cmpo_mode="best")
    with pytest.raises(ValueError, match="cmpo"):
        LossWeights(cmpo=-1.0)
