"""Weights to start a run from, those of a smaller network included."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.checkpoint import save_network, serving_shapes
from engine.frozen_config import with_overrides
from engine.network.int8 import convert
from engine.network.network_config import NetworkConfig
from engine.network.network_presets import PRESETS
from tests.doubles.tiny_network import (
    forward,
    gradient_program,
    param_shapes,
    positions,
    sparse_positions,
    stirred,
    tiny_config,
    training_network,
)
from training.distillation.starting_weights import grown_weights, starting_weights

NETWORK = with_overrides(PRESETS["tiny"], ["arithmetic=int8"])
SMALL = tiny_config(gate="channel")
LARGER = tiny_config(gate="channel", width=48, heads=3, hidden_width=64, policy_width=64, policy_heads=4)
assert SMALL.width // SMALL.heads == LARGER.width // LARGER.heads


def stirred_weights(config: NetworkConfig, seed: int = 0) -> Any:
    """Returns random weights in training form, which take no compiling."""
    return stirred(param_shapes(training_network(config)), seed)


def test_a_network_gives_its_kernels_within_half_a_rounding_step(tmp_path: Path) -> None:
    trained = stirred_weights(NETWORK)
    served = convert(trained, serving_shapes(NETWORK))
    save_network(tmp_path / "net", NETWORK, served, "card", {})
    start = starting_weights(tmp_path / "net", NETWORK, trained)
    kernel, original = start["policy"]["query"]["kernel"], trained["policy"]["query"]["kernel"]
    step = served["policy"]["query"]["kernel"]["scale"]
    assert np.all(np.abs(kernel - original) <= 0.5001 * step) and np.any(kernel != original)
    np.testing.assert_array_equal(start["embedding"]["kernel"], trained["embedding"]["kernel"])


def test_a_larger_one_is_refused_with_its_folder(tmp_path: Path) -> None:
    served = convert(stirred_weights(NETWORK), serving_shapes(NETWORK))
    save_network(tmp_path / "net", NETWORK, served, "card", {})
    narrower = with_overrides(NETWORK, ["hidden_width=16"])
    with pytest.raises(ValueError, match=f"a network no larger to start from, got {tmp_path}/net"):
        starting_weights(tmp_path / "net", narrower, stirred_weights(narrower))


def test_heads_of_another_width_are_refused(tmp_path: Path) -> None:
    trained = stirred_weights(NETWORK)
    save_network(tmp_path / "net", NETWORK, convert(trained, serving_shapes(NETWORK)), "card", {})
    # Every weight would fit, and mean something else.
    fewer = with_overrides(NETWORK, [f"policy_heads={NETWORK.policy_heads // 2}"])
    with pytest.raises(ValueError, match=f"expected heads as wide as those of {tmp_path}/net"):
        starting_weights(tmp_path / "net", fewer, trained)


def grown(config: NetworkConfig) -> tuple[Any, Any]:
    """Returns stirred weights of the small network and what becomes of them."""
    small = stirred_weights(SMALL)
    return small, grown_weights(small, stirred_weights(config, seed=1))


def test_a_wider_network_computes_the_same() -> None:
    small, large = grown(LARGER)
    before = forward(training_network(SMALL))(small, sparse_positions())
    after = forward(training_network(LARGER))(large, sparse_positions())
    np.testing.assert_allclose(after.policy_logits, before.policy_logits, atol=1e-3)
    np.testing.assert_allclose(after.wdl_logits, before.wdl_logits, atol=1e-3)
    np.testing.assert_allclose(after.score_logits, before.score_logits, atol=1e-3)


def test_every_new_weight_learns() -> None:
    small, large = grown(LARGER)
    _, gradient = gradient_program(training_network(LARGER), 4).compiled(large, positions(128)[::32])
    # What has just been written is not yet read and what is read is not yet written, so one of the two hears the loss.
    same = jax.tree.map(lambda old, new: old.shape == new.shape, small, large)
    silent = jax.tree.map(lambda leaf, is_old: not is_old and not bool(jnp.any(leaf != 0)), gradient, same)
    assert not any(jax.tree.leaves(silent))


def test_an_added_block_leaves_what_the_others_say() -> None:
    _, large = grown(tiny_config(gate="channel", blocks=2))
    assert not np.any(large["core"]["f"]["block_1"]["attention"]["output"]["kernel"])
    assert np.any(large["core"]["f"]["block_1"]["attention"]["query_key_value"]["kernel"])


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (tiny_config(gate="channel", hidden_width=16), "expected weights that fit .*feed_forward/.* got"),
        (tiny_config(gate="channel", value_width=32), "expected weights that fit .*value/.* got"),
        (tiny_config(gate="none"), "expected parts of the larger network, got also: .*gate"),
    ],
)
def test_a_smaller_or_other_network_is_refused(config: NetworkConfig, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        grown(config)
