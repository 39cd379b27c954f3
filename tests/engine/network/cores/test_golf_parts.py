"""Parts of the golf core: rotation, grouped heads, routing, starting values; and that its exit gate saves work."""

from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.network.cores.golf_block import (
    GroupedAttention,
    RoutedFeedForward,
    rotated,
    spectral_kernel,
    spectral_product,
)
from engine.network.cores.golf_recurrent import GolfPass
from engine.network.products import FLOAT32
from tests.doubles.tiny_cores import BOARDS, HEADS, WIDTH, core_of, core_params, core_settings, tiny_injection
from tests.doubles.tiny_network import stirred
from tests.reference.attention_reference import attention


def test_products_of_rotated_vectors_depend_on_differences_only() -> None:
    query, key = (jax.random.normal(jax.random.key(seed), (1, 1, 2, 8)) for seed in (0, 1))

    def product(first: tuple[float, float], second: tuple[float, float]) -> float:
        coordinates = jnp.array([[first, second]])
        turned = rotated(query, coordinates)[0, 0, 0] @ rotated(key, coordinates)[0, 0, 1]
        return float(turned)

    np.testing.assert_allclose(product((1.0, 2.0), (3.0, 7.0)), product((4.0, 0.0), (6.0, 5.0)), rtol=1e-4)
    assert abs(product((1.0, 2.0), (3.0, 7.0)) - product((1.0, 2.0), (4.0, 7.0))) > 1e-3
    assert abs(product((1.0, 2.0), (3.0, 7.0)) - product((1.0, 2.0), (3.0, 6.0))) > 1e-3
    # A rotation keeps lengths, and none leaves a vector as it is.
    length = jnp.linalg.norm(rotated(query, jnp.full((1, 2, 2), 3.0)), axis=-1)
    np.testing.assert_allclose(length, jnp.linalg.norm(query, axis=-1), rtol=1e-5)
    np.testing.assert_allclose(rotated(query, jnp.zeros((1, 2, 2))), query, rtol=1e-6)


def test_grouped_heads_share_keys_and_values() -> None:
    config = core_settings("golf_recurrent", rotary=False, key_rank=0, value_embedding=False)
    module = GroupedAttention(HEADS, config.core, FLOAT32)  # type: ignore[arg-type]
    x, injection = tiny_injection(1).tokens, tiny_injection()
    params = stirred(jax.eval_shape(module.init, jax.random.key(0), x, injection)["params"])
    got: Any = module.apply({"params": params}, x, injection)
    head = WIDTH // HEADS
    kernels = {name: np.asarray(params[name]["kernel"], float) for name in ("query", "key", "value", "output")}
    assert kernels["key"].shape == kernels["value"].shape == (WIDTH, head)
    rows = np.asarray(x, float)
    query = np.stack(np.split(rows @ kernels["query"], HEADS, axis=-1), axis=1)
    key, value = (np.repeat((rows @ kernels[name])[:, None], HEADS, axis=1) for name in ("key", "value"))
    mixed, _ = attention(query, key, value, np.asarray(injection.attention_bias, float))
    expected = np.concatenate([mixed[:, h] for h in range(HEADS)], axis=-1) @ kernels["output"]
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-4)


def test_a_token_goes_to_the_expert_of_its_direction() -> None:
    module = RoutedFeedForward(8, 2, FLOAT32)
    x = jnp.zeros((1, 2, 4)).at[0, 0, 0].set(50.0).at[0, 1, 1].set(50.0)
    params = stirred(jax.eval_shape(module.init, jax.random.key(0), x)["params"])
    directions = jnp.zeros((4, 2)).at[0, 0].set(2.0).at[1, 1].set(0.5)  # of any length: only the direction counts
    params = {**params, "directions": directions, "routing_scale": jnp.ones(1)}
    got: Any = module.apply({"params": params}, x)
    for token, expert in ((0, "expert_0"), (1, "expert_1")):
        hidden = jnp.square(jax.nn.relu(x[0, token] @ params[expert]["hidden"]["kernel"]))
        np.testing.assert_allclose(got[0, token], hidden @ params[expert]["output"]["kernel"], rtol=1e-4)


def test_spectral_kernels_have_equal_singular_values() -> None:
    for shape in ((12, 20), (20, 12)):
        values = np.linalg.svd(spectral_kernel(jax.random.key(0), shape), compute_uv=False)
        np.testing.assert_allclose(values, (shape[1] / shape[0]) ** 0.5, rtol=1e-4)
    small = spectral_product(FLOAT32, 0.1).kernel_init(jax.random.key(0), (8, 8))
    np.testing.assert_allclose(np.linalg.svd(small, compute_uv=False), 0.1, rtol=1e-4)


def test_the_switch_for_spectral_starts_changes_the_start() -> None:
    def kernel(**changes: Any) -> np.ndarray:
        core = core_of(core_settings("golf_recurrent", **changes))

        # Returns one kernel, so that nothing else is compiled.
        def start(key: jax.Array) -> jax.Array:
            params: Any = core.init(key, tiny_injection())["params"]
            return cast(jax.Array, params["shared"]["block_0"]["attention"]["query"]["kernel"])

        return np.asarray(jax.jit(start)(jax.random.key(0)))

    on, off = (np.linalg.svd(kernel(spectral_init=switch), compute_uv=False) for switch in (True, False))
    assert on.max() / on.min() < 1.001 < 1.5 < off.max() / off.min()


def passes_carried_out(exit_bias: float, monkeypatch: pytest.MonkeyPatch) -> tuple[int, list[int]]:
    """Plays six passes at most with the exit probability that a bias gives; returns passes made and steps reported."""
    config = core_settings("golf_recurrent", iterations=6)
    params, calls = dict(core_params(config)), []
    own = params["steps"]["own_exit"]
    exits = {"kernel": jnp.zeros_like(own["kernel"]), "bias": jnp.full_like(own["bias"], exit_bias)}
    params["steps"] = {**params["steps"], "own_exit": exits}
    one_pass = GolfPass.__call__

    def counting(self: GolfPass, z: Any, memory: Any, injection: Any, index: Any) -> Any:
        jax.debug.callback(lambda i: calls.append(int(i)), index)
        return one_pass(self, z, memory, injection, index)

    with monkeypatch.context() as patch:
        patch.setattr(GolfPass, "__call__", counting)
        _, stats = jax.jit(lambda p, x: core_of(config).apply({"params": p}, x))(params, tiny_injection())
        jax.effects_barrier()
    return len(calls), stats.steps.tolist()


# The sum of the probabilities reaches .99 at the first, the second, and not even at the sixth pass.
@pytest.mark.parametrize(
    ("probability", "passes"),
    [pytest.param(0.995, 1, marks=pytest.mark.slow), (0.6, 2), pytest.param(0.1, 6, marks=pytest.mark.slow)],
)
def test_the_exit_gate_saves_passes_at_play(probability: float, passes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    bias = float(np.log(probability / (1 - probability)))
    assert passes_carried_out(bias, monkeypatch) == (passes, [passes] * BOARDS)
