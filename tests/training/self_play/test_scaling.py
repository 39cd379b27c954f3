"""The same run on one device, on eight, and on two processes: the same games, the same weights up to rounding."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from tests.doubles.process_groups import free_address
from tests.doubles.self_play_runs import SETTINGS, small_run
from training.runs.device_mesh import join_process_group
from training.self_play.devices import lane_mesh, lane_shardings, product_arithmetic

ROOT = Path(__file__).resolve().parents[3]


def start(out: Path, devices: int, *group: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.doubles.sharded_self_play", str(out), *group]
    flags = f"--xla_force_host_platform_device_count={devices}"
    environment = {**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def finished(out: Path, *processes: subprocess.Popen[str]) -> dict[str, np.ndarray]:
    try:
        for process in processes:
            _, errors = process.communicate(timeout=1200)
            assert process.returncode == 0, errors
    finally:
        # One of a group would wait for the others.
        for process in processes:
            process.kill()
            process.wait()
            if process.stderr:
                process.stderr.close()
    with np.load(out) as file:
        return dict(file)


def assert_same_run(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    np.testing.assert_array_equal(one["actions"], other["actions"])
    for name, value in one.items():
        # Sums over lanes are added up in another order.
        if name != "devices":
            np.testing.assert_allclose(other[name], value, rtol=2e-3, atol=2e-5, err_msg=name)


@pytest.fixture(scope="module")
def on_one_device(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    out = tmp_path_factory.mktemp("one") / "one.npz"
    return finished(out, start(out, 1))


@pytest.mark.slow
def test_eight_devices_play_and_learn_what_one_does(on_one_device: dict[str, np.ndarray], tmp_path: Path) -> None:
    eight = finished(tmp_path / "eight.npz", start(tmp_path / "eight.npz", 8))
    assert on_one_device["devices"] == 1 and eight["devices"] == 8
    assert_same_run(on_one_device, eight)


@pytest.mark.slow
def test_two_processes_play_and_learn_what_one_does(on_one_device: dict[str, np.ndarray], tmp_path: Path) -> None:
    address = free_address()
    out = tmp_path / "two.npz"
    two = finished(out, *(start(out, 2, address, "2", str(index)) for index in range(2)))
    assert two["devices"] == 4
    assert_same_run(on_one_device, two)


@pytest.mark.slow
def test_the_first_process_says_when_a_group_measures_saves_and_ends(tmp_path: Path) -> None:
    run, address = tmp_path / "run", free_address()
    settings = [part for text in SETTINGS for part in ("--set", text)]
    program = [sys.executable, str(ROOT / "uci_main.py"), "self-play", "--run", str(run), *settings]
    program += ["--preset", "tic_tac_toe"]
    # Each has a plan of its own, as clocks differ; alone, they would wait for each other for ever.
    plans = (
        ["--steps", "4", "--decay-share", "0.5", "--save-minutes", "0", "--validate-minutes", "60"],
        ["--steps", "9", "--decay-share", "0", "--save-minutes", "60", "--validate-minutes", "0"],
    )
    processes = [
        subprocess.Popen(
            [*program, "--minutes", "60", *plan, "--group", address, "2", str(index)],
            env={**os.environ, "JAX_PLATFORMS": "cpu"},
            stderr=subprocess.PIPE,
            text=True,
        )
        for index, plan in enumerate(plans)
    ]
    try:
        said = [process.communicate(timeout=900)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], said
    assert said[0].splitlines()[-2].startswith("saved iteration 4")
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert {line["step"] for line in lines if "against_random/score" in line} == {4}
    # Factors of the four iterations: .75 as it warms up, 1, and .875 and .375 as the first process's plan lets it fall;
    # how many of them a line is the mean of is a matter of time.
    means = [(line["step"], line["learning_rate_factor"]) for line in lines if "loss" in line]
    befores = [0, *(step for step, _ in means)]
    total = sum(mean * (step - before) for (step, mean), before in zip(means, befores, strict=False))
    assert means[-1][0] == 4 and total == pytest.approx(0.75 + 1 + 0.875 + 0.375)


def test_lanes_are_divided_and_the_rest_is_copied() -> None:
    run = small_run()
    state = jax.eval_shape(run.program.init)
    shardings: Any = lane_shardings(state, run.config.lanes, lane_mesh(run.config.lanes, 1))
    assert all(s.spec == jax.P("data") for s in jax.tree.leaves((shardings.games, shardings.replay.sequences)))
    rest = (shardings.learner, shardings.random_bits, shardings.replay.added, shardings.step)
    assert all(s.spec == jax.P() for s in jax.tree.leaves(rest))
    with pytest.raises(ValueError, match="lanes to be a multiple of devices x updates"):
        lane_mesh(run.config.lanes, 3)
    with pytest.raises(ValueError, match="process index"):
        join_process_group("127.0.0.1:1", 2, 2)


def test_arithmetic_suits_the_device() -> None:
    class Device:
        def __init__(self, platform: str, compute_capability: str = "") -> None:
            self.platform, self.compute_capability = platform, compute_capability

    choices = {
        "bfloat16": [Device("tpu"), Device("gpu", "8.0"), Device("gpu", "9.0")],
        "float32": [Device("cpu"), Device("gpu", "7.5"), Device("METAL")],
    }
    for arithmetic, devices in choices.items():
        assert all(product_arithmetic("auto", device) == arithmetic for device in devices)
    assert product_arithmetic("float32", Device("tpu")) == "float32"
