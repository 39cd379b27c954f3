"""The training program's errors in one line with nothing left behind."""

import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from engine.command_line import run_command
from engine.network.network_presets import PRESETS, preset
from tests.doubles.small_run import pack, small_config
from training.distillation.distillation_config import RunConfig, SourceConfig
from training.distillation.learner import make_state
from training.distillation.train_state import TrainState
from training.runs.run_checkpoint import RunCheckpoints
from training.runs.run_folder import write_config
from training.runs.schedule import decaying_schedule

Command = Callable[..., str]


def blank_state(config: RunConfig) -> TrainState:
    """Returns a state of zeros, for which nothing is compiled."""
    shapes = jax.eval_shape(lambda: make_state(config))
    return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pack("all", "labels-all.tsv", tmp_path_factory.mktemp("packed") / "all", validation_percent=30)


@pytest.fixture
def refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, packed: Path
) -> Command:
    """Returns a function that runs a command which must fail, and gives its one line."""
    monkeypatch.setattr("training.distillation.distillation_run.make_state", blank_state)
    monkeypatch.setattr("training.distillation.trained_network.make_state", blank_state)

    def run(*arguments: str, source: str = f"{packed}/train:1", run_folder: Path = tmp_path / "new") -> str:
        given = ["--source", source] if source else []
        assert (
            run_command("distil", ["--run", str(run_folder), "--preset", "tiny", "--minutes", "1", *given, *arguments])
            == 2
        )
        printed = capsys.readouterr()
        (line,) = printed.err.splitlines()
        assert printed.out == "" and line.startswith("recursezero distil: expected ")
        assert not (tmp_path / "new").exists()
        return line

    return run


@pytest.fixture
def old_run(tmp_path: Path) -> Path:
    """Returns the folder of a run of other settings than the commands give."""
    save_run(tmp_path / "old", small_config())
    return tmp_path / "old"


def save_run(folder: Path, config: RunConfig, step: int = 5, decayed: bool = False) -> None:
    state = blank_state(config).replace(step=jnp.int32(step), schedule=decaying_schedule(0 if decayed else 1000, 5))
    checkpoints = RunCheckpoints(folder)
    checkpoints.save(state)
    checkpoints.close()
    write_config(folder, config)


def test_groups_that_cannot_be(refused: Command) -> None:
    def in_group(*group: str) -> str:
        return refused("--group", *group)

    assert "--group as HOST:PORT PROCESSES INDEX, got localhost:8476 x 0" in in_group("localhost:8476", "x", "0")
    assert "at least one process, got 0" in in_group("localhost:8476", "0", "0")
    assert "a process index from 0 to 1, got 2" in in_group("localhost:8476", "2", "2")
    for address in ("localhost", ":8476", "localhost:99999", "localhost:port"):
        assert f"the first process as HOST:PORT, got '{address}'" in in_group(address, "2", "1")
    assert "a known host for the first process, got nowhere.invalid: " in in_group("nowhere.invalid:8476", "2", "1")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        taken = f"127.0.0.1:{listener.getsockname()[1]}"
        assert f"a free port for the first process, got {taken}: " in in_group(taken, "2", "0")


def test_settings_that_cannot_be(refused: Command, packed: Path) -> None:
    assert f"one of {', '.join(PRESETS)}, got 'huge'" in refused("--preset", "huge")
    assert "at least one --source DIR:WEIGHT, got none" in refused(source="")
    assert f"a source as FOLDER:WEIGHT or FOLDER:WEIGHT:puzzles, got '{packed}'" in refused(source=str(packed))
    assert "a positive weight" in refused(source=f"{packed}/train:-1")
    assert "unknown 'batch'" in refused("--set", "batch=16")
    assert "an int for RunConfig.batch_size, got 'many'" in refused("--set", "batch_size=many")
    assert "batch_size >= 1" in refused("--set", "batch_size=0")
    assert "minutes above 0" in refused("--minutes", "0")
    assert "decay_share in [0, 1]" in refused("--decay-share", "2")
    assert "steps of at least 1" in refused("--steps", "0")


def test_data_that_cannot_be_read(refused: Command, packed: Path, tmp_path: Path) -> None:
    assert f"got {tmp_path}/absent" in refused(source=f"{tmp_path}/absent:1")
    assert f"got {tmp_path}/absent" in refused("--validation", f"{tmp_path}/absent")
    damaged = tmp_path / "damaged"
    shutil.copytree(packed / "train", damaged)
    cells = (damaged / "move_cells.npy").read_bytes()
    (damaged / "move_cells.npy").write_bytes(cells[:-100])
    assert str(damaged / "move_cells.npy") in refused(source=f"{damaged}:1")
    (damaged / "move_cells.npy").write_bytes(cells)
    (damaged / "manifest.json").write_text("{")
    assert str(damaged / "manifest.json") in refused("--validation", str(damaged))


def test_folders_of_runs_that_do_not_fit(refused: Command, old_run: Path, tmp_path: Path) -> None:
    assert f"a new folder for --run, got {old_run}, which exists; use --resume" in refused(run_folder=old_run)
    assert f"a run with config.json, got {tmp_path}/new" in refused("--resume", source="")
    assert f"a run with config.json, got {tmp_path}/none" in refused("--start-from", f"{tmp_path}/none")
    smaller = ["--set", "network.hidden_width=8"]
    assert f"a network no larger to start from, got {old_run}" in refused("--start-from", str(old_run), *smaller)
    assert "no --source with --resume, for a run goes on with its own settings" in refused(
        "--resume", run_folder=old_run
    )
    (old_run / "config.json").write_text("{}")
    assert str(old_run / "config.json") in refused("--resume", run_folder=old_run, source="")


def test_a_refused_resume_changes_no_settings(refused: Command, tmp_path: Path, packed: Path) -> None:
    folder = tmp_path / "decayed"
    config = RunConfig(network=preset("tiny"), sources=(SourceConfig(folder=f"{packed}/train", weight=1.0),))
    save_run(folder, config, decayed=True)
    before = (folder / "config.json").read_text()
    assert "differs in " in refused("--resume", "--set", "network.value_bins=8", run_folder=folder, source="")
    assert "whose rate fell to 0 at step 5; --restart-schedule" in refused("--resume", run_folder=folder, source="")
    assert (folder / "config.json").read_text() == before


def test_missing_arguments_are_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("distil", ["--minutes", "1"]) == 2
    assert capsys.readouterr().err == "recursezero distil: expected --run, got none\n"
