"""Distillation on several devices and processes gives what it gives on one, also after a process was killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from tests.doubles.process_groups import free_address
from tests.doubles.small_run import SETTINGS, last_state, pack

ROOT = Path(__file__).resolve().parents[3]
# Saves every step up to the third. Process 1 is killed in the fifth, where all want to save.
KILLED_PROGRAM = """
import os, signal, sys
import jax
from engine.command_line import run_command
from training.runs.run_checkpoint import RunCheckpoints

save = RunCheckpoints.save
def save_or_die(self, state):
    if state.step == 5 and jax.process_index() == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    if state.step != 4:
        save(self, state)
RunCheckpoints.save = save_or_die
run_command("distil", sys.argv[1:])
"""


def environment(devices: int) -> dict[str, str]:
    flags = f"--xla_force_host_platform_device_count={devices} {os.environ['XLA_FLAGS']}"
    return {**os.environ, "JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags}


def pass_on_eight_devices(marks: str) -> None:
    command = [sys.executable, "-m", "pytest", "-m", marks, str(Path(__file__).with_name("eight_devices.py"))]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(8) | {"JAX_DISABLE_MOST_OPTIMIZATIONS": "0"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_eight_devices_get_the_same_batches_and_sum_gradients_once() -> None:
    pass_on_eight_devices("not slow")


@pytest.mark.slow
def test_eight_devices_learn_what_one_does() -> None:
    pass_on_eight_devices("slow")


def run_group(program: list[str], arguments: list[str], devices: int) -> list[tuple[int, str]]:
    """Runs a command in two processes and returns how each ended and what it said."""
    group = ["--group", free_address(), "2"]
    processes = [
        subprocess.Popen(
            [sys.executable, *program, *arguments, *group, str(index)],
            cwd=ROOT,
            env=environment(devices),
            stderr=subprocess.PIPE,
            text=True,
        )
        for index in range(2)
    ]
    try:
        said = [process.communicate(timeout=900)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [(process.returncode, text) for process, text in zip(processes, said, strict=True)]


@pytest.mark.slow
def test_two_processes_of_which_one_is_killed_learn_what_one_device_does(tmp_path: Path) -> None:
    pack("all", "labels-all.tsv", tmp_path / "all", validation_percent=30)
    settings = [argument for setting in (*SETTINGS, "shard_optimizer=true") for argument in ("--set", setting)]
    arguments = ["--preset", "tiny", "--minutes", "30", "--source", f"{tmp_path}/all/train:1", *settings]
    arguments += ["--validation", f"{tmp_path}/all/validation"]
    run, alone = ["--run", str(tmp_path / "run")], ["--run", str(tmp_path / "alone")]
    program = [str(ROOT / "uci_main.py"), "distil"]

    one = [sys.executable, *program, *alone, *arguments, "--steps", "6"]
    subprocess.run(one, cwd=ROOT, env=environment(1), check=True, capture_output=True)
    killed = run_group(["-c", KILLED_PROGRAM], [*run, *arguments, "--steps", "6", "--save-minutes", "0"], devices=2)
    # The other does not wait for ever, nor does it go on alone.
    assert killed[1][0] == -signal.SIGKILL and killed[0][0] != 0, killed
    assert max(int(path.name) for path in (tmp_path / "run/checkpoints").iterdir() if path.name.isdigit()) == 3
    # One device less each than before.
    ended = run_group(program, [*run, "--resume", "--minutes", "30", "--steps", "3"], devices=1)
    assert [code for code, _ in ended] == [0, 0], ended
    assert "on 2 devices; goes on from step 3" in ended[0][1] and "held-out regret" in ended[0][1]

    states = last_state(tmp_path / "run"), last_state(tmp_path / "alone")
    assert int(states[0].step) == int(states[1].step) == 6
    # Sums over the batch are added in another order. AdamW divides small gradients by their own size.
    for two, one_alone in zip(*map(jax.tree.leaves, states), strict=True):
        np.testing.assert_allclose(two, one_alone, rtol=1e-3, atol=1e-5)
