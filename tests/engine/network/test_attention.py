"""Attention against its definition, and what the bias and the mask do to it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.network.attention import MASKED, SelfAttention, attend, merge_heads, split_heads
from engine.network.products import FLOAT32
from tests.reference.attention_reference import attention
from tests.reference.block_reference import heads_apart, heads_joined, self_attention

compiled_attend = jax.jit(attend)


def random_arrays(queries: int = 5, keys: int = 7) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(0)
    shapes = [(2, 3, queries, 4), (2, 3, keys, 4), (2, 3, keys, 4), (2, 3, queries, keys)]
    return tuple(2 * rng.normal(size=shape).astype(np.float32) for shape in shapes)


def test_equals_the_definition_with_bias_and_mask() -> None:
    query, key, value, bias = random_arrays()
    bias[0, :, :, 2] = bias[1, 1, 3, :4] = MASKED
    mixed, weights = compiled_attend(query, key, value, bias)
    expected_mixed, expected_weights = attention(query, key, value, bias)
    # Logits reach about 20, whose float32 rounding of 1e-6 becomes a relative error of the weights.
    np.testing.assert_allclose(weights, expected_weights, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(mixed, expected_mixed, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(np.sum(weights, axis=-1), 1.0, rtol=1e-6)


def test_masked_keys_get_no_weight_and_their_values_do_not_matter() -> None:
    query, key, value, bias = random_arrays()
    bias[:, :, :, [1, 4]] = MASKED
    mixed, weights = compiled_attend(query, key, value, bias)
    np.testing.assert_array_equal(np.asarray(weights)[..., [1, 4]], 0.0)
    assert (np.asarray(weights)[..., [0, 2, 3, 5, 6]] > 0).all()
    key[:, :, [1, 4]] += 9.0
    value[:, :, [1, 4]] = 1e6
    np.testing.assert_array_equal(compiled_attend(query, key, value, bias)[0], mixed)


def test_fully_masked_row_is_uniform_and_finite() -> None:
    query, key, value, bias = random_arrays()
    bias[0, 0, 0] = MASKED
    _, weights = compiled_attend(query, key, value, bias)
    # At 1e9 the spacing of float32 is 64, so logits of this size are lost beside the mask.
    np.testing.assert_allclose(np.asarray(weights)[0, 0, 0], 1 / 7, rtol=1e-6)


def test_bias_of_one_row_serves_all_rows_and_heads() -> None:
    query, key, value, bias = random_arrays()
    mask = bias[:, :1, :1]
    spread = np.broadcast_to(mask, bias.shape)
    for got, expected in zip(
        compiled_attend(query, key, value, mask), attention(query, key, value, spread), strict=True
    ):
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("heads", [1, 2, 6])
def test_split_and_merge_are_inverse_and_heads_are_runs_of_channels(heads: int) -> None:
    x = np.random.default_rng(0).normal(size=(2, 5, 12)).astype(np.float32)
    apart = split_heads(jnp.asarray(x), heads)
    np.testing.assert_array_equal(apart, heads_apart(x, heads))
    np.testing.assert_array_equal(merge_heads(apart), x)
    np.testing.assert_array_equal(heads_joined(np.asarray(apart)), x)


def test_self_attention_layer_and_the_weights_it_sows() -> None:
    rng = np.random.default_rng(1)
    x, bias = rng.normal(size=(2, 5, 8)).astype(np.float32), rng.normal(size=(2, 2, 5, 5)).astype(np.float32)
    layer = SelfAttention(2, FLOAT32)
    kernels = {"query_key_value": rng.normal(size=(8, 24)), "output": rng.normal(size=(8, 8))}
    params = {name: {"kernel": jnp.asarray(kernel, jnp.float32)} for name, kernel in kernels.items()}
    expected, expected_weights = self_attention(x, bias, params, heads=2)
    out, sown = layer.apply({"params": params}, x, bias, mutable=["intermediates"])
    (weights,) = sown["intermediates"]["attention"]
    np.testing.assert_allclose(weights, expected_weights, rtol=1e-4, atol=1e-6)
    # Outputs reach 20; float32 sums of eight terms of that size round by about 1e-5.
    np.testing.assert_allclose(out, expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(layer.apply({"params": params}, x, bias), out)
