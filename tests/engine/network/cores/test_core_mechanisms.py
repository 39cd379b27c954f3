"""Every named mechanism of every core: switched off, the output changes; switched on, its parameters get a gradient."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.network.cores.core_configs import GolfRecurrentConfig
from engine.network.cores.unrolled_core import Begun, apart, joined
from engine.network.network_config import NetworkConfig
from tests.doubles.tiny_cores import TINY_CORES, WIDTH, core_of, core_params, core_settings, tiny_injection

# Core and switch → the value that turns it off, and a part of the names of its parameters; None where it has none.
SWITCHES: dict[tuple[str, str], tuple[Any, str | None]] = {
    ("universal", "time_embedding"): (False, None),
    ("universal", "halting"): (False, "halting"),
    ("asura", "projection"): (False, "own_projection"),
    ("asura", "block_norms"): (False, "own_block_norm"),
    ("asura", "iteration_norms"): (False, "own_iteration_norm"),
    ("asura", "adapter_rank"): (0, "own_adapter"),
    ("rqz_golf", "iteration_embedding"): (False, "own_embedding"),
    ("rqz_golf", "scaling"): (False, None),
    ("rqz_golf", "skips"): (False, "skip_0"),
    ("golf_recurrent", "key_value_heads"): (0, None),
    ("golf_recurrent", "rotary"): (False, None),
    ("golf_recurrent", "key_rank"): (0, "key_down"),
    ("golf_recurrent", "pass_controls"): (False, "own_attention_scale"),
    ("golf_recurrent", "skips"): (False, "own_skip"),
    ("golf_recurrent", "value_embedding"): (False, "value_embedding"),
    ("golf_recurrent", "resonant_position"): (False, "resonant_position"),
    ("golf_recurrent", "state_rank"): (0, "state_carry"),
    ("golf_recurrent", "confidence"): (False, "confidence"),
    ("golf_recurrent", "gradient_memory"): (False, "gradient_memory"),
    ("golf_recurrent", "difference_rank"): (0, "difference"),
    ("golf_recurrent", "experts"): (1, "directions"),
    ("golf_recurrent", "exit_gate"): (False, "own_exit"),
}


@functools.cache
def applied(config: NetworkConfig) -> np.ndarray:
    """Runs two iterations with the parameters that the core shares with the one whose mechanisms are all on."""
    everything = core_params(core_settings(config.core.kind))
    core = core_of(config)
    run = jax.jit(functools.partial(two_iterations, core))
    return np.asarray(run(overlap(everything, core_params(config))))


def overlap(wanted: Any, shaped: Any) -> Any:
    """Returns a tree like `shaped`, with the leaves of `wanted` wherever it has them in the same shape."""
    if not isinstance(shaped, dict):
        return wanted if getattr(wanted, "shape", None) == shaped.shape else shaped
    return {name: overlap(wanted.get(name) if isinstance(wanted, dict) else None, shaped[name]) for name in shaped}


def two_iterations(core: Any, params: Any) -> jax.Array:
    """Returns what two iterations make of the boards, without the loop: a second derivation of the core."""
    x, module = tiny_injection(), core.iteration()

    def begin(core: Any) -> Begun:
        return core.begin(x)

    begun = core.apply({"params": params}, method=begin)
    z, memory = begun.z, begun.memory
    open_boards = jnp.ones(len(z))
    for index in range(2):
        own = jax.tree.map(lambda leaf, index=index: leaf[index], params.get("steps", {}))
        each = {"params": joined(params.get("shared", {}), own)}
        result = module.apply(each, z, memory, x, jnp.int32(index))
        kept = open_boards[:, None, None] > 0
        z = jnp.where(kept, result.z, z)
        memory = jax.tree.map(functools.partial(chosen, open_boards), result.memory, memory)
        open_boards = open_boards if result.goes_on is None else open_boards * result.goes_on

    def finish(core: Any) -> jax.Array:
        return core.finish(z, memory, begun.aside)

    output, _ = core.apply({"params": params}, method=finish, mutable=["losses"])
    return output * x.is_used()[..., None]


def chosen(boards: jax.Array, new: jax.Array, old: jax.Array) -> jax.Array:
    return jnp.where(boards.reshape(boards.shape + (1,) * (new.ndim - 1)) > 0, new, old)


@functools.cache
def gradient_names(kind: str) -> dict[str, float]:
    """Returns the largest gradient at each parameter when all mechanisms are on."""
    core = core_of(core_settings(kind))
    weights = jnp.cos(jnp.arange(WIDTH, dtype=jnp.float32))[None, None]

    def loss(params: Any) -> jax.Array:
        return jnp.sum(jnp.sin(two_iterations(core, params)) * weights)

    gradient = jax.jit(jax.grad(loss))(core_params(core_settings(kind)))
    leaves = jax.tree_util.tree_leaves_with_path(gradient)
    return {jax.tree_util.keystr(path): float(jnp.max(jnp.abs(leaf))) for path, leaf in leaves}


def test_every_switch_is_tested() -> None:
    not_mechanisms = {"kind", "iterations", "threshold", "halting_bias", "exit_bias", "spectral_init"}
    not_mechanisms |= {"encoder_blocks", "decoder_blocks", "solver", "gradient", "tolerance", "kept"}
    not_mechanisms |= {"exit"}  # fitted after training: tests/engine/network/cores/test_early_exit.py
    fields = {(kind, name) for kind, core in TINY_CORES.items() for name in vars(core) if name not in not_mechanisms}
    assert fields == set(SWITCHES)


def marks(kind: str) -> Any:
    # The others have more operations, which take longer to compile.
    return () if kind in ("universal", "rqz_golf") else pytest.mark.slow


@pytest.mark.parametrize(
    ("kind", "name"), [pytest.param(*key, id="-".join(key), marks=marks(key[0])) for key in SWITCHES]
)
def test_a_switch_changes_the_output_and_hears_the_loss(kind: str, name: str) -> None:
    off, part = SWITCHES[kind, name]
    before, after = applied(core_settings(kind)), applied(core_settings(kind, **{name: off}))
    assert np.isfinite(after).all() and np.abs(before - after).max() > 1e-3
    if part is not None:
        heard = {path: size for path, size in gradient_names(kind).items() if part in path}
        assert heard and all(size > 0 for size in heard.values()), heard


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=marks(kind)) for kind in TINY_CORES if kind != "deq"])
def test_the_loop_is_the_iterations_one_after_another(kind: str) -> None:
    core, params = core_of(core_settings(kind)), core_params(core_settings(kind))
    z, _ = jax.jit(lambda params: core.apply({"params": params}, tiny_injection(), jnp.int32(2)))(params)
    used = tiny_injection().is_used()[..., None]
    np.testing.assert_allclose(z * used, applied(core_settings(kind)), rtol=1e-4, atol=1e-5)


def test_parameters_are_taken_apart_and_joined() -> None:
    params = {"a": 1, "own_b": 2, "c": {"d": 3, "own_e": {"f": 4}}, "g": {"own_h": 5}}
    shared, own = apart(params)
    assert shared == {"a": 1, "c": {"d": 3}} and own == {"own_b": 2, "c": {"own_e": {"f": 4}}, "g": {"own_h": 5}}
    assert joined(shared, own) == params


def test_settings_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="key_value_heads"):
        core_settings("golf_recurrent", key_value_heads=3)
    with pytest.raises(ValueError, match="experts"):
        core_settings("golf_recurrent", experts=3)
    with pytest.raises(ValueError, match="threshold"):
        GolfRecurrentConfig(threshold=1.0)
