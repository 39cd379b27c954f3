"""One application of f against its equations, for every gate."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.network.block import Blocks, Injection
from engine.network.network_config import GateKind
from engine.network.products import FLOAT32
from tests.doubles.tiny_network import param_shapes, stirred, tiny_config, training_network
from tests.reference.block_reference import apply_f


@pytest.mark.parametrize("gate", ["channel", "dense", "none"])
def test_equals_the_equations(gate: GateKind) -> None:
    config = tiny_config(gate=gate, blocks=2, width=8, hidden_width=12)
    params = stirred(param_shapes(training_network(config)))["core"]["f"]
    rng = np.random.default_rng(0)
    z, tokens = rng.normal(size=(2, 2, 5, 8)).astype(np.float32)
    bias = rng.normal(size=(2, config.heads, 5, 5)).astype(np.float32)
    blocks = Blocks(config, FLOAT32)
    out = jax.jit(blocks.apply)({"params": params}, z, Injection(jnp.asarray(tokens), jnp.asarray(bias)))
    expected, _ = apply_f(params, config, tokens, bias, z)
    # Two blocks of float32 sums over up to 12 terms; norms keep everything near 1.
    np.testing.assert_allclose(out, expected, rtol=1e-4, atol=1e-5)
    # The norm at the end: mean square is that of the norm's scale.
    last = np.asarray(params["block_1"]["norm_feed_forward"]["scale"])
    np.testing.assert_allclose(np.mean((np.asarray(out) / last) ** 2, axis=-1), 1.0, rtol=1e-3)
