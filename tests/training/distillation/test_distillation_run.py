"""The whole loop in miniature: what a run leaves behind; a killed, stopped or continued run is the same run."""

import contextlib
import dataclasses
import io
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import chex
import jax
import numpy as np
import pytest

from engine.command_line import run_command
from tests.doubles.small_run import SETTINGS, last_state, pack, share_compiled
from training.distillation.learner import make_state
from training.distillation.trained_network import read_config
from training.runs.run_checkpoint import RunCheckpoints
from training.runs.schedule import learning_rate_factor

ROOT = Path(__file__).resolve().parents[3]

# Saves after every step up to the fifth, and is killed in the seventh.
KILLED_PROGRAM = """
import os, signal, sys
from engine.command_line import run_command
from training.runs.run_checkpoint import RunCheckpoints

save = RunCheckpoints.save
def save_or_die(self, state):
    if state.step == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    if state.step <= 5:
        save(self, state)
RunCheckpoints.save = save_or_die
run_command("distil", sys.argv[1:])
"""


@dataclasses.dataclass(frozen=True)
class Workplace:
    """Packed data and a finished run of 12 steps."""

    folder: Path
    finished: Path
    told: list[str]  # stderr of the finished run

    def command(self, run: Path, *more: str) -> list[str]:
        """Returns the arguments of a new run on all the data."""
        sources = ["--source", f"{self.folder}/all/train:3", "--source", f"{self.folder}/puzzles/train:1:puzzles"]
        settings = [argument for setting in SETTINGS for argument in ("--set", setting)]
        return ["--run", str(run), "--preset", "tiny", "--minutes", "30", *sources, *settings, *more]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplace]:
    folder = tmp_path_factory.mktemp("distillation")
    pack("all", "labels-all.tsv", folder / "all", validation_percent=30)
    pack("puzzles", "puzzles.csv", folder / "puzzles")
    told = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        share_compiled(patch)
        place = Workplace(folder, folder / "finished", [])
        command = place.command(place.finished, "--steps", "12", "--validation", f"{folder}/all/validation")
        with contextlib.redirect_stderr(told):
            assert run_command("distil", command) == 0
        place.told.extend(told.getvalue().splitlines())
        yield place


def figures(run: Path) -> list[dict[str, Any]]:
    def no_constant(text: str) -> float:
        raise AssertionError(f"{text} is not JSON")

    return [json.loads(line, parse_constant=no_constant) for line in (run / "metrics.jsonl").read_text().splitlines()]


def assert_same(first: Any, second: Any) -> None:
    chex.assert_trees_all_equal_structs(first, second)
    jax.tree.map(np.testing.assert_array_equal, first, second)


def test_a_run_leaves_its_files(place: Workplace) -> None:
    run = place.finished
    assert {path.name for path in run.iterdir()} == {"config.json", "metrics.jsonl", "checkpoints", "tensorboard"}
    config = read_config(run)
    assert config.batch_size == 16 and [source.has_scores for source in config.sources] == [True, False]
    assert int(last_state(run).step) == 12
    assert sum(path.stat().st_size for path in (run / "tensorboard").iterdir()) > 0


def test_the_figures_are_json_and_hold_the_validation(place: Workplace) -> None:
    lines = figures(place.finished)
    assert [line["step"] for line in lines] == [1, 12, 12]
    first, last, validation = lines
    assert first["policy_loss"] > last["policy_loss"] > 0
    assert first["learning_rate_factor"] == 0.25 and last["learning_rate_factor"] == 1
    assert {"loss", "top1", "entropy", "residual", "solver_steps", "positions_per_s", "minutes"} <= set(last)
    assert 0 < validation["validation/regret"] < 1 and validation["validation/regret_error"] > 0
    assert 0 <= validation["validation/top1"] <= 1 and validation["validation/solver_steps"] == 2


def test_people_read_rate_time_left_and_regret(place: Workplace) -> None:
    begin, *steps, held_out, end, _ = place.told
    assert re.fullmatch(r"[\d,]+ parameters, batches of 16; starts, the first step compiles", begin)
    assert [line.split("  ")[0] for line in steps] == ["step 1", "step 12"]
    for line in steps:
        assert re.search(r"  policy \d\.\d{3}  top-1 .*%  .*  \d+ positions/s  \d+\.\d min left$", line)
    assert steps[-1].endswith(" 0.0 min left")
    assert re.fullmatch(r"step 12  held-out regret 0\.\d{4} ± 0\.\d{4}  top-1 \d+\.\d%", held_out)
    assert re.fullmatch(r"saved step 12 after \d+\.\d min", end)


def test_a_killed_run_resumes_to_the_same_bits(place: Workplace) -> None:
    run = place.folder / "killed"
    command = place.command(run, "--steps", "12", "--save-minutes", "0")
    done = subprocess.run([sys.executable, "-c", KILLED_PROGRAM, *command], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert {path.name for path in (run / "checkpoints").iterdir()} == {"4", "5"}
    assert run_command("distil", ["--run", str(run), "--resume", "--minutes", "30", "--steps", "7"]) == 0
    # Parameters, average, moments of the optimiser, schedule and step.
    assert_same(last_state(run), last_state(place.finished))
    assert [line["step"] for line in figures(run)] == [1, 6, 12]
    assert figures(run)[-1]["policy_loss"] == figures(place.finished)[1]["policy_loss"]


def test_a_resumed_run_takes_and_keeps_changed_settings(place: Workplace) -> None:
    run = place.folder / "changed"
    shutil.copytree(place.finished, run)
    resume = ["--run", str(run), "--resume", "--minutes", "30", "--steps", "1"]
    assert run_command("distil", [*resume, "--set", "mirror=false", "--set", "validation="]) == 0
    assert not read_config(run).mirror and read_config(run).validation == ""
    assert run_command("distil", resume) == 0
    # The two new steps are reported, and nothing is measured.
    assert [line["step"] for line in figures(run)] == [1, 12, 12, 13, 14]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_ends_the_run(place: Workplace, number: signal.Signals) -> None:
    run, sent_s = place.folder / f"stopped_by_{number}", []
    before = signal.getsignal(number)

    def send() -> None:
        deadline_s = time.monotonic() + 60
        while time.monotonic() < deadline_s:
            # The first figures come from inside the loop.
            if (run / "metrics.jsonl").is_file() and (run / "metrics.jsonl").stat().st_size:
                sent_s.append(time.monotonic())
                os.kill(os.getpid(), number)
                return
            time.sleep(0.01)

    sender = threading.Thread(target=send)
    sender.start()
    validation = ["--validation", f"{place.folder}/all/validation"]
    assert run_command("distil", place.command(run, *validation)) == 0
    sender.join()
    assert time.monotonic() - sent_s[0] < 30
    assert signal.getsignal(number) is before
    last = figures(run)[-1]
    # The figures of the last step are written; no time goes to a measure on held-out positions.
    assert int(last_state(run).step) == last["step"] >= 1 and "loss" in last


def test_the_decay_ends_at_zero_and_is_not_run_past(place: Workplace, capsys: pytest.CaptureFixture[str]) -> None:
    run = place.folder / "decayed"
    assert run_command("distil", place.command(run, "--steps", "10", "--decay-share", "0.4")) == 0
    state = last_state(run)
    assert int(state.step) == 10
    assert float(learning_rate_factor(state.schedule, state.step, 4)) == 0
    # Four steps at 1, 3/4, 1/2 and 1/4 of the peak.
    assert figures(run)[-1]["learning_rate_factor"] == 0.25
    resume = ["--run", str(run), "--resume", "--minutes", "30", "--steps", "1"]
    capsys.readouterr()
    assert run_command("distil", resume) == 2
    assert "--restart-schedule" in capsys.readouterr().err
    assert run_command("distil", [*resume, "--restart-schedule"]) == 0
    assert figures(run)[-1]["step"] == 11 and figures(run)[-1]["learning_rate_factor"] == 1


def test_an_interrupted_decay_is_finished_by_the_next_process(place: Workplace) -> None:
    run = place.folder / "interrupted"
    shutil.copytree(place.finished, run)
    state = last_state(run)
    checkpoints = RunCheckpoints(run)
    # As if the process had been stopped in the third of five steps of decay.
    checkpoints.save(state.replace(step=state.step + 2, schedule=state.schedule.replace(decay_start=12, decay_steps=5)))
    checkpoints.close()
    assert run_command("distil", ["--run", str(run), "--resume", "--minutes", "30", "--decay-share", "0.5"]) == 0
    assert int(last_state(run).step) == 17
    assert figures(run)[-2]["learning_rate_factor"] == pytest.approx(0.2)


def test_another_run_gives_its_averaged_weights(place: Workplace) -> None:
    run, other = place.folder / "second", last_state(place.finished)
    assert run_command("distil", place.command(run, "--steps", "1", "--start-from", str(place.finished))) == 0
    assert {path.name for path in (run / "checkpoints").iterdir()} == {"0", "1"}
    shutil.rmtree(run / "checkpoints/1")
    start = last_state(run)
    assert_same(start.params, other.average)
    assert_same(start.average, other.average)
    assert int(start.step) == 0
    assert_same(start.optimizer, make_state(read_config(run)).optimizer)
    with pytest.raises(AssertionError):
        assert_same(start.params, other.params)


def test_a_run_that_diverges_keeps_its_last_good_state(place: Workplace, capsys: pytest.CaptureFixture[str]) -> None:
    run = place.folder / "diverged"
    shutil.copytree(place.finished, run)
    state = last_state(run)
    checkpoints = RunCheckpoints(run)
    params = jax.tree.map(lambda leaf: leaf * np.nan, state.params)
    checkpoints.save(state.replace(step=state.step + 1, params=params))
    checkpoints.close()
    assert run_command("distil", ["--run", str(run), "--resume", "--minutes", "30", "--steps", "3"]) == 2
    assert (
        "recursezero distil: expected a finite loss, got nan at step 14; " in capsys.readouterr().err.splitlines()[-1]
    )
    assert {path.name for path in (run / "checkpoints").iterdir()} == {"12", "13"}
    assert all(math.isfinite(line["step"]) for line in figures(run))


@pytest.mark.slow
def test_a_process_that_is_terminated_exits_with_success(place: Workplace) -> None:
    run = place.folder / "terminated"
    command = [sys.executable, str(ROOT / "uci_main.py"), "distil", *place.command(run)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    lines: list[str] = []
    while not lines or not lines[-1].startswith("step 50"):
        lines.append(process.stderr.readline())
        assert lines[-1], lines
    process.terminate()
    _, rest = process.communicate(timeout=30)
    assert process.returncode == 0
    saved, written = rest.splitlines()[-2:]
    assert re.fullmatch(r"saved step \d+ after \d+\.\d min", saved) and written == f"wrote {run}"
    assert int(last_state(run).step) >= 50
