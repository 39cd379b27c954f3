"""Losses of the cores by hand, and that each has a gradient."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.doubles.tiny_cores import core_settings
from training.distillation.core_losses import bits_per_weight, entropy_loss, sown_loss
from training.distillation.distillation_config import CoreLossConfig, RunConfig

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
