"""Weights to start a run from."""

from pathlib import Path

import numpy as np
import pytest

from engine.checkpoint import save_network, serving_shapes
from engine.frozen_config import with_overrides
from engine.network.int8 import convert
from engine.network.network_presets import PRESETS
from training.distillation.distillation_config import RunConfig
from training.distillation.learner import make_state
from training.distillation.starting_weights import starting_weights

NETWORK = with_overrides(PRESETS["tiny"], ["arithmetic=int8"])


def test_a_network_gives_its_kernels_within_half_a_rounding_step(tmp_path: Path) -> None:
    trained = make_state(RunConfig(network=NETWORK, sources=())).params
    served = convert(trained, serving_shapes(NETWORK))
    save_network(tmp_path / "net", NETWORK, served, "card", {})
    start = starting_weights(tmp_path / "net", NETWORK, trained)
    kernel, original = start["policy"]["query"]["kernel"], trained["policy"]["query"]["kernel"]
    step = served["policy"]["query"]["kernel"]["scale"]
    assert np.all(np.abs(kernel - original) <= 0.5001 * step) and np.any(kernel != original)
    np.testing.assert_array_equal(start["embedding"]["kernel"], trained["embedding"]["kernel"])


def test_a_larger_one_is_refused_with_its_folder(tmp_path: Path) -> None:
    served = convert(make_state(RunConfig(network=NETWORK, sources=())).params, serving_shapes(NETWORK))
    save_network(tmp_path / "net", NETWORK, served, "card", {})
    narrower = with_overrides(NETWORK, ["hidden_width=16"])
    with pytest.raises(ValueError, match=f"a network no larger to start from, got {tmp_path}/net"):
        starting_weights(tmp_path / "net", narrower, make_state(RunConfig(network=narrower, sources=())).params)


def test_heads_of_another_width_are_refused(tmp_path: Path) -> None:
    trained = make_state(RunConfig(network=NETWORK, sources=())).params
    save_network(tmp_path / "net", NETWORK, convert(trained, serving_shapes(NETWORK)), "card", {})
    # Every weight would fit, and mean something else.
    fewer = with_overrides(NETWORK, [f"policy_heads={NETWORK.policy_heads // 2}"])
    with pytest.raises(ValueError, match=f"expected heads as wide as those of {tmp_path}/net"):
        starting_weights(tmp_path / "net", fewer, trained)
