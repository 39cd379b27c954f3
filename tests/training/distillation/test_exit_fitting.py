"""A fitted exit predicts the last state from the early one, and leaves the network beside it as it was."""

import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.checkpoint import load_network, save_network, serving_shapes
from engine.command_line import run_command
from engine.fixed_point import PhantomGradient, SolverConfig
from engine.network.cores.core_configs import DeqConfig
from tests.doubles.small_run import pack
from tests.doubles.tiny_network import stirred, tiny_config
from training.distillation.exit_fitting import ExitFitConfig, _ridge
from training.distillation.trained_network import network_config, network_weights

ONCE = SolverConfig(method="picard", max_steps=1, tolerance=0.0, stagnation_steps=0)
SIZES = tiny_config(arithmetic="int8", core=DeqConfig(solver=ONCE, gradient=PhantomGradient()))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("network") / "net"
    save_network(folder, SIZES, stirred(serving_shapes(SIZES)), "# net\n", {"steps": 7})
    return folder


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pack("all", "labels-all.tsv", tmp_path_factory.mktemp("pack") / "all") / "train"


def command(folder: Path, packed: Path, out: Path, *more: str) -> list[str]:
    data = ["--weights", str(folder), "--source", str(packed), "--validation", str(packed), "--out", str(out)]
    settings = ["positions=48", "batch_size=16", "measured=32", *more]
    return [*data, *(word for setting in settings for word in ("--set", setting))]


@pytest.fixture(scope="module")
def fitted(folder: Path, packed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("fitted") / "out"
    assert run_command("fit-exit", command(folder, packed, out)) == 0
    return out


def test_a_fit_leaves_the_network_as_it_was_and_says_what_it_costs(folder: Path, fitted: Path) -> None:
    before, after = load_network(folder), load_network(fitted)
    core = dict(after.params["core"])
    end: Any = core.pop("exit")
    jax.tree.map(np.testing.assert_array_equal, {**after.params, "core": core}, before.params)
    assert end["map"]["kernel"]["values"].dtype == jnp.int8
    assert np.any(np.asarray(end["score"]["kernel"]) != 0)
    facts = json.loads((fitted / "network.json").read_text())["facts"]
    assert facts["steps"] == 7 and facts["exit"]["settings"]["share"] == 0.5
    assert 1.0 < facts["exit"]["applications"] < 2.0
    assert "It has an exit after one application" in (fitted / "CARD.md").read_text()


def test_further_training_starts_without_the_exit(folder: Path, fitted: Path) -> None:
    assert network_config(fitted) == SIZES
    jax.tree.map(np.testing.assert_array_equal, network_weights(fitted), network_weights(folder))


def test_the_ridge_finds_a_linear_map_and_its_constant() -> None:
    rng = np.random.default_rng(0)
    inputs, kernel = rng.normal(size=(400, 5)), rng.normal(size=(5, 2))
    rows = np.concatenate([inputs, np.ones((400, 1))], axis=1)
    wanted = inputs @ kernel + np.array([3.0, -2.0])
    parts = [
        (half.T @ half, half.T @ wanted[place]) for place in (slice(150), slice(150, None)) for half in [rows[place]]
    ]
    solution = _ridge(parts, 1e-9)
    np.testing.assert_allclose(solution[:-1], kernel, atol=1e-6)
    np.testing.assert_allclose(solution[-1], [3.0, -2.0], atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["share=1"], "expected share in (0, 1), got 1.0"),
        (["positions=0"], "expected positions of at least 1, got 0"),
        (["map_ridge=0"], "expected map_ridge above 0, got 0.0"),
    ],
)
def test_mistakes_are_one_line(
    arguments: list[str], error: str, folder: Path, packed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command("fit-exit", command(folder, packed, tmp_path / "out", *arguments)) == 2
    assert capsys.readouterr().err == f"recursezero fit-exit: {error}\n"
    assert not list(tmp_path.iterdir())


def test_defaults_end_half_of_the_positions() -> None:
    assert ExitFitConfig().share == 0.5
