"""One contract for all cores: shapes, masks, gradients, statistics, limits, int8, folders, attention, play."""

import functools
from pathlib import Path
from typing import Any, NamedTuple

import chess
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.checkpoint import load_network, save_network, serving_network, serving_shapes
from engine.network.attention import AttentionTrace
from engine.network.block import Injection
from engine.network.cores.core_configs import DeqConfig
from engine.network.cores.core_registry import CORES, StepLimitError
from engine.network.int8 import SERVED, TRAINED, convert
from engine.network.network_config import NetworkConfig
from engine.player.network_evaluator import NetworkEvaluator, evaluator_of
from tests.doubles.talk import Talk, bestmoves
from tests.doubles.tiny_cores import BOARDS, HEADS, TINY_CORES, TOKENS, WIDTH, core_of, core_params, core_settings
from tests.doubles.tiny_cores import tiny_injection as injection
from tests.doubles.tiny_network import stirred

STEPS = 3


def kinds(*quick: str) -> list[Any]:
    """Returns all cores, those that are compiled in the fast suite too unmarked."""
    return [pytest.param(kind, marks=() if kind in quick else pytest.mark.slow) for kind in CORES]


def test_every_core_is_tested() -> None:
    assert set(TINY_CORES) == set(CORES)
    for kind, config in TINY_CORES.items():
        assert config.kind == kind and core_settings(kind).own_steps == STEPS


class Run(NamedTuple):
    z: Any
    stats: Any
    gradient: Any  # of parameters and injection


@functools.cache
def gradient_run(kind: str) -> Any:
    config = core_settings(kind)

    def loss(params: Any, x: Injection, limit: Any) -> Any:
        z, stats = core_of(config).apply({"params": params}, x, limit)
        used = x.is_used()[..., None]
        return jnp.sum(jnp.sin(z) * jnp.cos(jnp.arange(WIDTH, dtype=jnp.float32))[None, None] * used), (z, stats)

    return jax.jit(jax.grad(loss, argnums=(0, 1), has_aux=True))


def run(kind: str, x: Injection | None = None, limit: int = STEPS) -> Run:
    gradient, (z, stats) = gradient_run(kind)(core_params(core_settings(kind)), x or injection(), np.int32(limit))
    return Run(np.asarray(z), stats, gradient)


# One core whose iterations have parameters of their own, and one whose tokens end one by one.
@pytest.mark.parametrize("kind", kinds("asura", "universal"))
def test_a_core_keeps_its_contract(kind: str) -> None:
    result = run(kind)
    assert result.z.shape == (BOARDS, TOKENS, WIDTH) and np.isfinite(result.z).all()
    # Shapes and gradients: every parameter and every part of the board is heard.
    leaves = jax.tree_util.tree_leaves_with_path(result.gradient)
    assert all(bool(jnp.all(jnp.isfinite(leaf))) for _, leaf in leaves)
    silent = {jax.tree_util.keystr(path) for path, leaf in leaves if not bool(jnp.any(leaf != 0))}
    expected = set() if kind == "golf_recurrent" else {"[1].coordinates"}
    assert silent == expected
    # Statistics, of each board.
    assert [leaf.shape for leaf in result.stats] == [(BOARDS,)] * 3
    assert result.stats.steps.dtype == jnp.int32 and not bool(jnp.any(result.stats.converged))
    assert bool(jnp.all((result.stats.steps >= 1) & (result.stats.steps <= STEPS)))
    assert bool(jnp.all(result.stats.residual > 0))
    # Masks: what stands in an empty slot changes nothing elsewhere, and what stands elsewhere does.
    tokens = injection().tokens
    hidden = run(kind, injection()._replace(tokens=tokens.at[0, -1].add(3.0)))
    np.testing.assert_allclose(hidden.z[0, :-2], result.z[0, :-2], atol=1e-5)
    seen = run(kind, injection()._replace(tokens=tokens.at[0, 0].add(3.0)))
    assert np.abs(seen.z[0, 1:-2] - result.z[0, 1:-2]).max() > 1e-4
    np.testing.assert_allclose(seen.z[1:], result.z[1:], atol=1e-5)
    # Limits on the steps.
    fewer = run(kind, limit=1)
    np.testing.assert_array_equal(fewer.stats.steps, 1)
    assert np.abs(fewer.z - result.z).max() > 1e-3


@functools.cache
def trained_and_served(kind: str) -> tuple[Any, Any]:
    config = core_settings(kind)
    params, key = core_params(config), jax.eval_shape(lambda: jax.random.key(0))
    served_core = CORES[kind](config, SERVED)
    served = convert(params, jax.eval_shape(served_core.init, key, injection())["params"])
    outputs = []
    for core, leaves in ((CORES[kind](config, TRAINED), params), (served_core, served)):
        outputs.append(jax.jit(lambda p, x, core=core: core.apply({"params": p}, x)[0])(leaves, injection()))
    return outputs, served


@pytest.mark.parametrize("kind", kinds("asura"))
def test_int8_is_served_as_it_was_trained(kind: str) -> None:
    (trained, served), params = trained_and_served(kind)
    kernels = [leaf for path, leaf in jax.tree_util.tree_leaves_with_path(params) if path[-1].key == "values"]
    assert kernels and all(kernel.dtype == jnp.int8 for kernel in kernels)
    # A last bit between products can move an activation over a rounding edge: a step of 1 / 127 of one entry.
    used = np.asarray(injection().is_used())[..., None]
    np.testing.assert_allclose(trained * used, served * used, atol=0.05)
    assert np.abs(np.asarray(trained - run(kind).z) * used).max() > 1e-4, "int8 and float32 must differ"


def test_the_kernel_of_each_iteration_has_scales_of_its_own() -> None:
    _, params = trained_and_served("asura")
    own = params["steps"]["own_projection"]["kernel"]
    assert own["values"].shape == (STEPS, 2 * WIDTH, WIDTH) and own["scale"].shape == (STEPS, 1, WIDTH)
    original = core_params(core_settings("asura"))["steps"]["own_projection"]["kernel"]
    np.testing.assert_allclose(own["scale"], np.abs(original).max(axis=1, keepdims=True) / 127.5, rtol=1e-6)


def watched(kind: str, states: int) -> AttentionTrace:
    core = core_of(core_settings(kind))

    def watch(params: Any, x: Injection) -> Any:
        return core.apply({"params": params}, x, jnp.arange(states, dtype=jnp.int32), method="watch")

    return jax.device_get(jax.jit(watch)(core_params(core_settings(kind)), injection()))


@pytest.mark.parametrize("kind", kinds("asura"))
def test_attention_is_seen_at_every_state(kind: str) -> None:
    trace, blocks = watched(kind, STEPS + 1), core_settings(kind).blocks
    assert trace.attention.shape == (STEPS + 1, blocks, BOARDS, HEADS, TOKENS, TOKENS)
    np.testing.assert_allclose(trace.attention.sum(axis=-1), 1.0, rtol=1e-5)
    np.testing.assert_array_equal(trace.attention[:, :, 0, :, :, -2:], 0)
    assert all(not np.array_equal(trace.attention[state], trace.attention[state + 1]) for state in range(STEPS - 1))
    # The residual of the state before an iteration is the one that the run reports after it.
    if kind != "universal":
        np.testing.assert_allclose(trace.residual[0], run(kind, limit=1).stats.residual, rtol=1e-4)


def network_settings(kind: str) -> NetworkConfig:
    return core_settings(kind)


@functools.cache
def saved_weights(kind: str) -> Any:
    return stirred(serving_shapes(network_settings(kind)))


@pytest.mark.parametrize("kind", kinds("asura"))
def test_a_checkpoint_plays_through_uci(kind: str, tmp_path: Path) -> None:
    config = network_settings(kind)
    save_network(tmp_path / "net", config, saved_weights(kind), "", {})
    loaded = load_network(tmp_path / "net")
    assert loaded.network == serving_network(config)
    for got, expected in zip(jax.tree.leaves(loaded.params), jax.tree.leaves(saved_weights(kind)), strict=True):
        np.testing.assert_array_equal(got, expected)
    evaluator: Any = evaluator_of(loaded)
    talk = Talk(lambda _: evaluator, patience_s=120.0)
    talk.say("uci", "isready", "debug on", "position startpos moves e2e4")
    (answer,) = bestmoves(talk.say("go nodes 1"))
    board = chess.Board()
    board.push_uci("e2e4")
    assert chess.Move.from_uci(answer.split()[1]) in board.legal_moves
    assert_depth_at_play(kind, evaluator, talk)


def steps_of(evaluator: NetworkEvaluator) -> int:
    return evaluator.evaluate([chess.Board()])[0].steps


def assert_depth_at_play(kind: str, evaluator: NetworkEvaluator, talk: Talk) -> None:
    """Iterates as often as was asked for, or says in one line why it cannot and plays on."""
    core = TINY_CORES[kind]
    own = steps_of(evaluator)
    assert 1 <= own <= STEPS
    if core.can_stop_early:
        assert steps_of(evaluator.with_step_limit(1)) == 1
    else:
        with pytest.raises(StepLimitError, match="^expected 3 steps .* got 1$"):
            evaluator.with_step_limit(1)
    lines = talk.say("setoption name RecursionSteps value 7", "go nodes 1")
    assert len(bestmoves(lines)) == 1
    refusals = [line for line in lines if "error" in line]
    if core.extrapolates:
        assert not refusals
        most = steps_of(evaluator.with_step_limit(7))
        assert most == 7 if kind != "universal" else most >= own
    else:
        (refusal,) = refusals
        assert "RecursionSteps" in refusal and "got 7" in refusal and kind in refusal
        with pytest.raises(StepLimitError):
            evaluator.with_step_limit(7)
    assert steps_of(evaluator.with_step_limit(0)) == own


def test_empty_slots_are_read_off_the_mask() -> None:
    assert injection().is_used().tolist() == [[1.0] * 4 + [0.0] * 2, [1.0] * 6, [1.0] * 6]


def test_unknown_cores_are_refused() -> None:
    from engine.frozen_config import ConfigError, with_overrides

    settings = core_settings("deq")
    assert with_overrides(settings, ["core=asura", "core.iterations=5"]).own_steps == 5
    with pytest.raises(ConfigError, match="deq, universal, asura, rqz_golf, golf_recurrent, flat, got 'lstm'$"):
        with_overrides(settings, ["core=lstm"])
    assert with_overrides(core_settings("flat"), ["core=deq"]).core == DeqConfig()
