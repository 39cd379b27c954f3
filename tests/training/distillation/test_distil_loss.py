"""Losses of distillation against loops in double precision, their properties, finite gradients; the cores' by hand."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doubles.tiny_cores import core_settings
from tests.reference import distil_loss_reference as slow
from training.distillation.distil_loss import (
    bits_per_weight,
    entropy_loss,
    expected_score_to_wdl,
    policy_loss,
    score_histogram,
    score_loss,
    sown_loss,
    wdl_loss,
)
from training.distillation.distillation_config import CoreLossConfig, RunConfig
from training.labels.expected_score import cp_to_value, mate_to_value

CELLS = 40
BINS = 32
policy_value_and_gradient = jax.jit(jax.value_and_grad(policy_loss))
mixed_value_and_gradient = jax.jit(jax.value_and_grad(partial(policy_loss, reverse_share=0.3)))
wdl_value_and_gradient = jax.jit(jax.value_and_grad(wdl_loss))
score_value_and_gradient = jax.jit(jax.value_and_grad(score_loss))
wdl = jax.jit(expected_score_to_wdl)
histogram = jax.jit(score_histogram, static_argnums=1)


def policy_case(seed: int, moves: int, size: float = 3.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    legal = np.zeros(CELLS, bool)
    legal[rng.choice(CELLS, moves, replace=False)] = True
    # Some legal moves have no share at all, as a sharp temperature makes them.
    shares = np.where(legal, np.exp(rng.normal(size=CELLS) * 2) * (rng.random(CELLS) < 0.7), 0.0)
    shares[np.argmax(legal)] += 0.1
    target = (shares / shares.sum()).astype(np.float32)
    return (rng.normal(size=CELLS) * size).astype(np.float32), target, legal


@given(st.integers(0, 2**32 - 1), st.integers(1, CELLS))
def test_policy_loss_is_the_divergence_over_the_legal_moves(seed: int, moves: int) -> None:
    logits, target, legal = policy_case(seed, moves)
    loss, _ = policy_value_and_gradient(logits, target, legal)
    expected = slow.kl(logits.tolist(), target.tolist(), legal.tolist())
    assert float(loss) == pytest.approx(expected, rel=1e-4, abs=2e-5)


@given(st.integers(0, 2**32 - 1), st.integers(1, CELLS), st.sampled_from([1.0, 1e4]))
def test_policy_gradient_is_policy_minus_target_and_zero_at_illegal_cells(seed: int, moves: int, size: float) -> None:
    logits, target, legal = policy_case(seed, moves, size)
    _, gradient = policy_value_and_gradient(logits, target, legal)
    odds = np.exp(np.where(legal, logits.astype(float) - logits[legal].max(), -np.inf))
    assert np.all(np.asarray(gradient)[~legal] == 0)
    np.testing.assert_allclose(gradient, odds / odds.sum() - target, atol=1e-5)


@given(st.integers(0, 2**32 - 1), st.integers(1, CELLS), st.sampled_from([1.0, 1e3]))
def test_a_share_of_the_reverse_divergence_is_mixed_in(seed: int, moves: int, size: float) -> None:
    logits, target, legal = policy_case(seed, moves, size)
    loss, gradient = mixed_value_and_gradient(logits, target, legal)
    case = logits.tolist(), target.tolist(), legal.tolist()
    assert float(loss) == pytest.approx(0.7 * slow.kl(*case) + 0.3 * slow.reverse_kl(*case), rel=1e-4, abs=5e-5)
    assert np.all(np.isfinite(gradient)) and np.all(np.asarray(gradient)[~legal] == 0)


def test_a_single_legal_move_gives_no_loss_and_no_gradient() -> None:
    target = np.eye(CELLS, dtype=np.float32)[7]
    logits = np.full(CELLS, 50.0, np.float32)
    logits[7] = -3e4
    loss, gradient = policy_value_and_gradient(logits, target, target > 0)
    assert float(loss) == 0 and np.all(np.asarray(gradient) == 0)


@given(st.floats(0, 1))
def test_wdl_is_the_reference_and_a_distribution(score: float) -> None:
    got = np.asarray(wdl(np.float32(score)))
    np.testing.assert_allclose(got, slow.wdl(float(np.float32(score))), atol=2e-3)
    assert np.all(got >= -1e-6) and np.sum(got) == pytest.approx(1, abs=1e-6)


def test_wdl_moves_with_the_score_and_mirrors() -> None:
    scores = np.linspace(0.0, 1.0, 2001, dtype=np.float32)
    win, draw, loss = np.asarray(wdl(scores)).T
    assert np.all(np.diff(win) >= -1e-6) and np.all(np.diff(loss) <= 1e-6)
    np.testing.assert_allclose(win[1:-1], loss[1:-1][::-1], atol=1e-3)
    assert np.argmax(draw) == 1000


def test_a_pawn_ahead_wins_half_and_mates_are_certain() -> None:
    ahead, behind = (np.asarray(wdl(np.float32(cp_to_value(cp)))) for cp in (100, -100))
    assert ahead[0] == pytest.approx(0.5, abs=1e-4) and behind[2] == pytest.approx(0.5, abs=1e-4)
    level = np.asarray(wdl(np.float32(cp_to_value(0))))
    assert level[1] == pytest.approx(1 - 2 / (1 + np.exp(0.7)), abs=1e-4)
    for moves in (1, 40, 99):
        assert np.array_equal(wdl(np.float32(mate_to_value(moves, mates=True))), [1, 0, 0])
        assert np.array_equal(wdl(np.float32(mate_to_value(moves, mates=False))), [0, 0, 1])


@given(st.floats(0, 1))
def test_the_histogram_is_a_normal_around_the_score(score: float) -> None:
    score = float(np.float32(score))
    got = np.asarray(histogram(np.float32(score), BINS))
    np.testing.assert_allclose(got, slow.histogram(score, BINS), atol=2e-5)
    assert np.sum(got) == pytest.approx(1, abs=1e-5) and np.all(got >= 0)
    middle = (np.argmax(got) + 0.5) / BINS
    assert abs(middle - score) <= 0.5 / BINS + 1e-6
    if 0.1 <= score <= 0.9:
        assert np.dot(got, (np.arange(BINS) + 0.5) / BINS) == pytest.approx(score, abs=1e-4)


@given(st.integers(0, 2**32 - 1), st.one_of(st.sampled_from([0.0, 0.04, 0.96, 1.0]), st.floats(0, 1)))
def test_value_losses_are_cross_entropies_with_finite_gradients(seed: int, score: float) -> None:
    rng = np.random.default_rng(seed)
    three, many = (10 * rng.normal(size=size).astype(np.float32) for size in (3, BINS))
    loss, gradient = wdl_value_and_gradient(three, np.float32(score))
    wanted = np.asarray(wdl(np.float32(score)), float)
    assert float(loss) == pytest.approx(slow.cross_entropy(wanted.tolist(), three.tolist()), rel=1e-4, abs=1e-4)
    assert np.all(np.isfinite(gradient)) and float(jnp.sum(gradient)) == pytest.approx(0, abs=1e-5)
    loss, gradient = score_value_and_gradient(many, np.float32(score))
    wanted_bins = slow.histogram(float(np.float32(score)), BINS)
    assert float(loss) == pytest.approx(slow.cross_entropy(wanted_bins, many.tolist()), rel=1e-4, abs=1e-3)
    assert np.all(np.isfinite(gradient)) and float(jnp.sum(gradient)) == pytest.approx(0, abs=1e-5)


LEGAL = jnp.array([[True, True, False], [True, True, True]])


def log_policy(logits: jax.Array) -> jax.Array:
    return jax.nn.log_softmax(jnp.where(LEGAL, logits, -1e9), axis=-1)


def test_the_entropy_is_weighted_by_a_temperature_that_falls() -> None:
    config = CoreLossConfig(entropy=0.5, cooling_steps=10)
    # Uniform over two and over three moves.
    expected = 0.5 * (math.log(2) + math.log(3)) / 2
    at = {step: float(entropy_loss(log_policy(jnp.zeros((2, 3))), LEGAL, jnp.int32(step), config)) for step in (0, 10)}
    assert at[0] == pytest.approx(-expected, rel=1e-5) and at[10] == pytest.approx(-expected / math.e, rel=1e-5)

    def loss(logits: jax.Array) -> jax.Array:
        return entropy_loss(log_policy(logits), LEGAL, jnp.int32(0), config)

    gradient = np.asarray(jax.grad(loss)(jnp.array([[2.0, 0.0, 5.0], [0.0, 0.0, 0.0]])))
    # A step against the gradient makes the likelier move less likely; illegal moves and a uniform policy are at rest.
    assert gradient[0, 0] > 0 > gradient[0, 1] and gradient[0, 2] == 0
    np.testing.assert_allclose(gradient[1], 0, atol=1e-7)


def test_bits_are_counted_in_steps_of_int8() -> None:
    # Largest 127.5 in each column: the step is 1, and there are log2(1 + |w|) bits.
    kernel = jnp.array([[127.5, -127.5], [0.0, 3.0]])
    params = {"a": {"kernel": kernel, "scale": jnp.array([9.0])}, "norm": {"scale": jnp.ones(4)}}
    expected = (2 * math.log2(128.5) + 0 + 2) / 4
    assert float(bits_per_weight(params)) == pytest.approx(expected, rel=1e-6)
    gradient = jax.grad(bits_per_weight)(params)
    assert float(gradient["a"]["kernel"][1, 1]) == pytest.approx(1 / (4 * math.log(2)) / 4, rel=1e-5)
    np.testing.assert_array_equal(gradient["norm"]["scale"], 0)
    # A stack of kernels has a step for each column of each.
    stack = jnp.stack([kernel, 2 * kernel])
    assert float(bits_per_weight({"kernel": stack})) == pytest.approx(expected, rel=1e-6)
    assert float(bits_per_weight({})) == 0


def test_what_cores_sow_is_weighted() -> None:
    config = CoreLossConfig(ponder=0.1, difference=2.0)
    assert float(sown_loss({"ponder": jnp.float32(3), "difference": jnp.float32(5)}, config)) == pytest.approx(10.3)
    assert float(sown_loss({}, config)) == 0


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="core_losses.bits"):
        CoreLossConfig(bits=-1.0)
    with pytest.raises(ValueError, match="fewest_steps 0 for the core flat"):
        RunConfig(network=core_settings("flat"), sources=(), fewest_steps=1)
