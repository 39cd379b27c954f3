"""The gate against the paper's equations, and what it does to a stream at its limits."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.network.gtrxl_gate import GtrxlGate
from engine.network.products import FLOAT32
from tests.doubles.tiny_network import stirred
from tests.reference.block_reference import gtrxl_gate, sigmoid

WIDTH = 6
GATES = {dense: GtrxlGate(dense, 0.0, FLOAT32) for dense in (True, False)}
APPLY = {dense: jax.jit(gate.apply) for dense, gate in GATES.items()}


def stream_and_sublayer() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(2, 3, WIDTH)).astype(np.float32), rng.normal(size=(2, 3, WIDTH)).astype(np.float32)


def stirred_gate(dense: bool) -> Any:
    blank = jnp.zeros((1, WIDTH))
    shapes = jax.eval_shape(GATES[dense].init, jax.eval_shape(lambda: jax.random.key(0)), blank, blank)
    return stirred(shapes["params"])


@pytest.mark.parametrize("dense", [True, False])
def test_equals_the_equations(dense: bool) -> None:
    x, y = stream_and_sublayer()
    params = stirred_gate(dense)
    out = APPLY[dense]({"params": params}, x, y)
    np.testing.assert_allclose(out, gtrxl_gate(x, y, params, dense), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dense", [True, False])
def test_large_bias_passes_the_stream(dense: bool) -> None:
    x, y = stream_and_sublayer()
    params = {**stirred_gate(dense), "update_bias": jnp.full((WIDTH,), 60.0)}
    # The gate opens by e^-50 or less, far below the last bit of x.
    np.testing.assert_array_equal(APPLY[dense]({"params": params}, x, y), x)


@pytest.mark.parametrize("dense", [True, False])
def test_stream_equal_to_the_candidate_stays(dense: bool) -> None:
    x, y = stream_and_sublayer()
    x = np.tanh(x)
    params = stirred_gate(dense)
    # With the candidate's weights on the stream shut and those on y identity, h = tanh(y): choose y for h = x.
    shut, identity = (np.zeros((WIDTH, WIDTH)), np.eye(WIDTH)) if dense else (np.zeros(WIDTH), np.ones(WIDTH))
    key = "kernel" if dense else "weight"
    params["candidate_x"], params["candidate_y"] = {key: jnp.asarray(shut)}, {key: jnp.asarray(identity)}
    out = APPLY[dense]({"params": params}, x, np.arctanh(x))
    np.testing.assert_allclose(out, x, rtol=1e-5, atol=1e-6)
    assert np.abs(APPLY[dense]({"params": params}, x, y) - x).max() > 0.1


def test_reset_gate_at_its_start_passes_the_stream_to_the_candidate() -> None:
    x, y = stream_and_sublayer()
    fresh = GATES[False].init(jax.random.key(0), x, y)["params"]
    for name, start in {"reset_y": 0, "reset_x": 0, "update_y": 0, "update_x": 0}.items():
        np.testing.assert_array_equal(fresh[name]["weight"], start)
    # r = u = 1/2 and 2 r = 1, so h = tanh(y + x) by hand; with the paper's r alone it is tanh(y + x / 2).
    expected = 0.5 * x + 0.5 * np.tanh(y + x)
    np.testing.assert_allclose(APPLY[False]({"params": fresh}, x, y), expected, rtol=1e-5, atol=1e-6)


def test_bias_shuts_the_update_gate_at_the_start() -> None:
    x, y = stream_and_sublayer()
    gate = GtrxlGate(False, 0.5, FLOAT32)
    fresh = jax.jit(gate.init)(jax.random.key(0), x, y)
    update = sigmoid(np.array(-0.5))
    expected = (1 - update) * x + update * np.tanh(y + x)
    np.testing.assert_allclose(jax.jit(gate.apply)(fresh, x, y), expected, rtol=1e-5, atol=1e-6)


def test_parameters_of_the_two_forms() -> None:
    sizes = {dense: sum(leaf.size for leaf in jax.tree.leaves(stirred_gate(dense))) for dense in (True, False)}
    assert sizes == {True: 6 * WIDTH * WIDTH + WIDTH, False: 7 * WIDTH}
