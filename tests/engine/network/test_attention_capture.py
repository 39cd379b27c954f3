"""Captured attention against NumPy, and that programs that play do not know of it."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.encoding.attacks import attacks_of
from engine.encoding.square_features import square_features
from engine.fixed_point import SolverConfig
from engine.network.model import AttentionTrace, capture_attention, evaluate
from engine.network.tokens import RelationBias, tokens_of
from tests.doubles.tiny_network import (
    param_shapes,
    sparse_positions,
    stirred,
    tiny_config,
    tiny_deq,
    training_network,
)
from tests.reference.block_reference import apply_f, relative_residual, rms_norm

STEPS = 3
CONFIG = tiny_config(blocks=2, core=tiny_deq(solver=SolverConfig(method="picard", max_steps=STEPS, tolerance=0.0)))
NETWORK = training_network(CONFIG)
capture = jax.jit(capture_attention, static_argnums=(0, 3))


@pytest.fixture(scope="module")
def params() -> Any:
    return stirred(param_shapes(NETWORK))


@pytest.fixture(scope="module")
def trace(params: Any) -> AttentionTrace:
    return jax.device_get(capture(NETWORK, params, sparse_positions(), STEPS))


def injected(params: Any, position: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns tokens `[B, N, D]` and attention bias `[B, H, N, N]`; the bias's own reference is in its own test."""
    squares = square_features(position).astype(float) @ np.asarray(params["embedding"]["kernel"], float)
    squares = squares + np.asarray(params["square_embedding"], float)
    tokens = np.zeros((len(position), 32, CONFIG.width))
    for b, pieces in enumerate(position[:, :64]):
        for first, side in ((0, np.flatnonzero(pieces > 0)), (16, np.flatnonzero(pieces < 0))):
            tokens[b, first : first + len(side)] = squares[b, side]

    @jax.jit
    def bias(params: Any, position: Any) -> Any:
        layer = RelationBias(CONFIG.heads)
        return layer.apply({"params": params}, tokens_of(position, "pieces"), attacks_of(position))

    return rms_norm(tokens, params["norm_embedding"]), np.asarray(bias(params["relations"], position))


def test_equals_numpy_at_every_step_block_and_head(params: Any, trace: AttentionTrace) -> None:
    tokens, bias = injected(params, sparse_positions())
    z = tokens
    for step in range(STEPS):
        image, attention = apply_f(params["core"]["f"], CONFIG, tokens, bias, z)
        # float32 against float64 through up to six blocks.
        np.testing.assert_allclose(trace.attention[step], attention, rtol=1e-3, atol=1e-5, err_msg=f"step {step}")
        np.testing.assert_allclose(trace.residual[step], relative_residual(z, image), rtol=1e-3)
        z = image


def test_shape_sums_and_empty_slots(trace: AttentionTrace) -> None:
    assert trace.attention.shape == (STEPS, 2, 4, CONFIG.heads, 32, 32)
    assert trace.residual.shape == (STEPS, 4)
    np.testing.assert_allclose(trace.attention.sum(axis=-1), 1.0, rtol=1e-5)
    is_used = np.asarray(tokens_of(jnp.asarray(sparse_positions()), "pieces").is_used)
    for b in range(4):
        np.testing.assert_array_equal(trace.attention[:, :, b][..., ~is_used[b]], 0)
        assert (trace.attention[:, :, b][..., is_used[b]] > 0).all()
    assert not np.array_equal(trace.attention[0], trace.attention[1])


def test_residuals_are_those_that_the_network_reports(params: Any, trace: AttentionTrace) -> None:
    run = jax.jit(lambda params, position: evaluate(NETWORK, params, position).stats)
    stats = run(params, sparse_positions())
    np.testing.assert_array_equal(stats.steps, STEPS)
    np.testing.assert_allclose(stats.residual, trace.residual.min(axis=0), rtol=1e-4)


def test_the_program_that_plays_has_no_trace_of_it(params: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def lowered() -> str:
        return str(jax.jit(lambda p, x: evaluate(NETWORK, p, x)).lower(params, sparse_positions()).as_text())

    with_sowing = lowered()
    monkeypatch.setattr("flax.linen.Module.sow", lambda *_args, **_kwargs: False)
    assert lowered() == with_sowing
