"""A larger network that starts where a smaller one has got to."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.network.network_config import NetworkConfig
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
from training.distillation.grown_weights import grown_weights

SMALL = tiny_config(gate="channel")
LARGER = tiny_config(gate="channel", width=48, heads=3, hidden_width=64, policy_width=64, policy_heads=4)
assert SMALL.width // SMALL.heads == LARGER.width // LARGER.heads


def grown(config: NetworkConfig) -> tuple[Any, Any]:
    """Returns stirred weights of the small network and what becomes of them."""
    small = stirred(param_shapes(training_network(SMALL)))
    return small, grown_weights(small, stirred(param_shapes(training_network(config)), seed=1))


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
