"""Presets are valid, known by name, and survive JSON."""

import dataclasses
import json
from pathlib import Path

import pytest

from engine.checkpoint import read_network_facts
from engine.fixed_point import PhantomGradient
from engine.frozen_config import from_json_dict, to_json_dict, with_overrides
from engine.network.cores.core_configs import DeqConfig
from engine.network.cores.core_registry import CORES
from engine.network.network_config import NetworkConfig
from engine.network.network_presets import PRESETS, preset
from tests.doubles.tiny_network import param_shapes, training_network

SHIPPED = Path(__file__).resolve().parents[3] / "weights" / "wide"


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_presets_survive_json_and_describe_a_network(name: str) -> None:
    config = preset(name)
    assert from_json_dict(NetworkConfig, json.loads(json.dumps(to_json_dict(config)))) == config
    shapes = param_shapes(training_network(config))
    assert shapes["embedding"]["kernel"].shape[1] == config.width
    if config.core.kind == "deq":
        assert sum(name.startswith("block_") for name in shapes["core"]["f"]) == config.blocks


def test_every_core_has_a_preset() -> None:
    assert {config.core.kind for config in PRESETS.values()} == set(CORES)


def test_the_preset_for_two_cores_is_int8() -> None:
    assert PRESETS["cpu"].arithmetic == "int8"
    assert PRESETS["cpu"].tokens == "pieces"


def test_the_shipped_network_has_the_shape_of_its_preset() -> None:
    shipped, wide = read_network_facts(SHIPPED).config, PRESETS["wide"]
    # When the iteration ends, and how many steps follow, is chosen at the export; the exit is fitted afterwards.
    assert isinstance(shipped.core, DeqConfig) and isinstance(shipped.core.gradient, PhantomGradient)
    gradient = PhantomGradient(steps=shipped.core.gradient.steps)
    core = DeqConfig(solver=shipped.core.solver, gradient=gradient, exit=shipped.core.exit)
    assert shipped == dataclasses.replace(wide, arithmetic="int8", core=core)


def test_unknown_preset_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="one of .*cpu.*, got 'huge'"):
        preset("huge")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("width", 0),
        ("width", 130),
        ("heads", 3),
        ("blocks", 0),
        ("gate_bias", 0.6),
        ("gate_bias", -0.1),
        ("value_bins", 0),
    ],
)
def test_contradictions_are_refused(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=field):
        with_overrides(PRESETS["cpu"], [f"{field}={value}"])


@pytest.mark.parametrize(("width", "heads"), [(64, 0), (64, 3), (64, 128)])
def test_heads_of_the_policy_share_its_width(width: int, heads: int) -> None:
    with pytest.raises(ValueError, match="policy_heads"):
        dataclasses.replace(PRESETS["cpu"], policy_width=width, policy_heads=heads)
