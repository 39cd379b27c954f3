"""A network with int8 products: trained and served forms agree, and nothing keeps a float copy."""

import re
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.checkpoint import serving_network, serving_shapes
from engine.network.int8 import convert
from tests.doubles.tiny_network import (
    forward,
    forward_program,
    param_shapes,
    positions,
    stirred,
    tiny_config,
    training_network,
)

CONFIG = tiny_config(arithmetic="int8")
TRAINING, SERVING = training_network(CONFIG), serving_network(CONFIG)
BATCH = 8


@pytest.fixture(scope="module")
def params() -> Any:
    return stirred(param_shapes(TRAINING))


@pytest.fixture(scope="module")
def served(params: Any) -> Any:
    return convert(params, serving_shapes(CONFIG))


def quantised_kernels(tree: Any, path: str = "") -> dict[str, Any]:
    if not isinstance(tree, dict):
        return {}
    if "values" in tree:
        return {path: tree}
    found: dict[str, Any] = {}
    for name, child in tree.items():
        found |= quantised_kernels(child, f"{path}/{name}")
    return found


def at(tree: Any, path: str) -> Any:
    for name in path.split("/")[1:]:
        tree = tree[name]
    return tree


def test_converted_kernels_have_no_float_copy(params: Any, served: Any) -> None:
    kernels = quantised_kernels(served)
    # Four projections of the one block, eight of the policy head.
    assert len(kernels) == 12
    for path, kernel in kernels.items():
        assert set(kernel) == {"values", "scale"}, path
        original = at(params, path)
        assert (kernel["values"].dtype, kernel["values"].shape) == (jnp.int8, original.shape)
        assert (kernel["scale"].dtype, kernel["scale"].shape) == (jnp.float32, (1, original.shape[1]))
        # Rounded to half a step, or to the clipped half step at the largest entry.
        step = np.abs(original).max(axis=0) / 127.5
        np.testing.assert_allclose(kernel["scale"][0], step, rtol=1e-6)
        assert (np.abs(kernel["values"] * kernel["scale"] - original) <= 0.5001 * step).all()
    total = sum(leaf.size for leaf in jax.tree.leaves(params))
    quantised = sum(kernel["values"].size for kernel in kernels.values())
    scales = sum(kernel["scale"].size for kernel in kernels.values())
    kept = sum(leaf.size for leaf in jax.tree.leaves(served) if leaf.dtype == jnp.float32)
    assert kept == total - quantised + scales


def test_conversion_keeps_everything_else_and_the_form_of_other_arithmetics(params: Any, served: Any) -> None:
    np.testing.assert_array_equal(served["embedding"]["kernel"], params["embedding"]["kernel"])
    np.testing.assert_array_equal(served["relations"]["by_offset"], params["relations"]["by_offset"])
    chex.assert_trees_all_equal_shapes_and_dtypes(served, serving_shapes(CONFIG))
    for arithmetic in ("float32", "bfloat16"):
        config = tiny_config(arithmetic=arithmetic)
        assert convert(params, serving_shapes(config)) == params


def test_trained_and_served_outputs_agree(params: Any, served: Any) -> None:
    position = positions(64)[::8]
    trained_output, served_output = forward(TRAINING)(params, position), forward(SERVING)(served, position)
    trained_logits, served_logits = trained_output.policy_logits, served_output.policy_logits
    # Each product is equal bit for bit, but the float32 parts between are fused in another way, and a last bit can move
    # an activation over a rounding edge of int8: a step of 1 / 127 of one entry.
    np.testing.assert_allclose(served_logits, trained_logits, atol=0.02)
    np.testing.assert_allclose(served_output.wdl_logits, trained_output.wdl_logits, atol=0.02)
    np.testing.assert_array_equal(np.argmax(served_logits, axis=1), np.argmax(trained_logits, axis=1))
    # The figure that this closeness is measured by: int8 against float32 on the same parameters.
    exact = forward(training_network(tiny_config()))(params, position).policy_logits
    assert np.abs(served_logits - exact).max() > 10 * np.abs(served_logits - trained_logits).max()


def test_served_program_multiplies_int8_and_widens_no_kernel(served: Any) -> None:
    text = forward_program(SERVING, BATCH).lowered.as_text()
    dots = re.findall(r"stablehlo\.dot_general .*: \((.*)\) -> (\S*)", text)
    products = [operands for operands, result in dots if result.endswith("xi32>")]
    assert all(re.fullmatch(r"tensor<\d+x\d+xi8>, tensor<\d+x\d+xi8>", operands) for operands in products)
    # f is traced once in the loop and once after it (the step that phantom gradients go through).
    assert len(products) == 4 * 2 + 8
    for path, kernel in quantised_kernels(served).items():
        shape = "x".join(str(size) for size in kernel["values"].shape)
        assert f"tensor<{shape}xi8>) -> tensor<{shape}xf32>" not in text, path
