"""Export: the folder loads and holds int8 kernels and its card; a failure leaves the old folder and one line."""

import dataclasses
import json
import re
import shutil
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.checkpoint import load_network
from engine.command_line import run_command
from tests.doubles.small_run import shared_state, small_config
from training.distillation.distillation_config import SourceConfig
from training.distillation.train_state import TrainState
from training.runs.run_checkpoint import RunCheckpoints
from training.runs.run_folder import write_config

WEIGHTS = Path(__file__).parents[3] / "weights" / "wide"
SOURCES = (SourceConfig(folder="packed/all/train", weight=0.8), SourceConfig(folder="packed/top4/train", weight=0.2))
METRICS = (
    {"step": 40, "loss": 2.0},
    {"step": 40, "validation/regret": 0.05, "validation/regret_error": 0.001},
    # What a process did after its last checkpoint, until it was killed.
    {"step": 80, "validation/regret": 0.01, "validation/regret_error": 0.002},
)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns the folder of a run with a checkpoint at step 50."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    checkpoints = RunCheckpoints(folder)
    checkpoints.save(averaged_state())
    checkpoints.close()
    write_config(folder, dataclasses.replace(small_config(), sources=SOURCES))
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in METRICS))
    return folder


@pytest.fixture
def run(original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Returns a copy of the run; reading it compiles nothing."""
    monkeypatch.setattr("training.distillation.trained_network.make_state", shared_state)
    return Path(shutil.copytree(original, tmp_path / "run"))


def averaged_state() -> TrainState:
    state = shared_state(small_config())
    return state.replace(step=state.step + 50, average=jax.tree.map(lambda leaf: 2 * leaf, state.params))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_export_holds_the_averaged_weights_in_int8(run: Path, tmp_path: Path) -> None:
    assert run_command("export", ["--run", str(run), "--out", str(tmp_path / "net"), "--set", "arithmetic=int8"]) == 0
    loaded = load_network(tmp_path / "net")
    assert loaded.network.config.arithmetic == "int8" and loaded.network.config.width == 16
    average = averaged_state().average
    quantised = 0

    def check(served: Any, trained: Any) -> None:
        nonlocal quantised
        if not isinstance(trained, dict):
            if isinstance(served, dict):
                quantised += 1
                assert served["values"].dtype == np.int8 and served["scale"].dtype == np.float32
                # Rounding is by half a step of the column's scale, at most one at the ends.
                error = np.abs(served["values"] * np.asarray(served["scale"]) - trained)
                assert np.all(error <= served["scale"])
            else:
                np.testing.assert_array_equal(served, trained)
            return
        assert set(served) == set(trained)
        for name in trained:
            check(served[name], trained[name])

    check(loaded.params, average)
    assert quantised >= 8


def test_a_float_export_holds_the_averaged_weights_exactly(run: Path, tmp_path: Path) -> None:
    assert run_command("export", ["--run", str(run), "--out", str(tmp_path / "net")]) == 0
    jax.tree.map(np.testing.assert_array_equal, load_network(tmp_path / "net").params, averaged_state().average)


def test_weights_can_be_averaged_with_those_of_another_folder(run: Path, tmp_path: Path) -> None:
    float32 = ["--run", str(run), "--set", "arithmetic=float32"]
    assert run_command("export", [*float32, "--out", str(tmp_path / "net")]) == 0
    other = tmp_path / "other"
    checkpoints = RunCheckpoints(other)
    checkpoints.save(averaged_state().replace(average=jax.tree.map(jnp.ones_like, averaged_state().average)))
    checkpoints.close()
    write_config(other, small_config())
    assert (
        run_command("export", [*float32, "--out", str(tmp_path / "mixed"), "--mix", str(other), "--mix-share", "0.25"])
        == 0
    )
    plain, mixed = (load_network(tmp_path / name).params for name in ("net", "mixed"))
    for one, both in zip(jax.tree.leaves(plain), jax.tree.leaves(mixed), strict=True):
        np.testing.assert_allclose(both, 0.75 * np.asarray(one) + 0.25, rtol=1e-6, atol=1e-7)
    card = (tmp_path / "mixed" / "CARD.md").read_text()
    assert "; weights averaged with 0.25 of a run of 50 steps x 16 on " in card
    assert "0.05 ± 0.001 before averaging |" in card
    assert run_command("export", [*float32, "--out", str(tmp_path / "twice"), "--mix", str(tmp_path / "mixed")]) == 0
    sha256 = load_network(tmp_path / "mixed").sha256
    assert f"; weights averaged with 0.5 of network {sha256[:8]} |" in (tmp_path / "twice" / "CARD.md").read_text()


def test_the_card_and_the_facts_tell_where_it_comes_from(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command("export", ["--run", str(run), "--out", str(tmp_path / "net"), "--note", "A small net."]) == 0
    assert re.fullmatch(r"wrote .*/net \(0\.\d\d MB\)", capsys.readouterr().err.splitlines()[-1])
    card = (tmp_path / "net/CARD.md").read_text()
    rows = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", card, flags=re.MULTILINE))
    assert card.startswith("# net\n\nA small net.\n") and "GPL-3.0-or-later" in card
    parameters = sum(leaf.size for leaf in jax.tree.leaves(averaged_state().params))
    assert rows["parameters"] == f"{parameters:,}" and rows["arithmetic"] == "float32"
    assert rows["trained on"] == "all/train x 0.8, top4/train x 0.2"
    # The step and the figures of the weights, not of what came after them.
    assert rows["steps x batch"] == "50 x 16" and rows["held-out regret in training"] == "0.05 ± 0.001"
    assert '"learning_rate": 0.01' in rows["run settings"] and '"reverse_share": 0.25' in rows["run settings"]
    assert rows["exported at commit"].strip() and "cpu" in rows["exported on"]
    facts = json.loads((tmp_path / "net/network.json").read_text())["facts"]
    assert facts["steps"] == 50 and facts["parameters"] == parameters and facts["batch"] == 16


def test_a_run_without_a_measure_says_so(run: Path, tmp_path: Path) -> None:
    (run / "metrics.jsonl").write_text('{"step": 1, "loss": 2.0}\n')
    assert run_command("export", ["--run", str(run), "--out", str(tmp_path / "net")]) == 0
    assert "| held-out regret in training | not measured |" in (tmp_path / "net/CARD.md").read_text()


def test_what_is_no_network_is_not_replaced(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    novel = tmp_path / "novel" / "chapter 1"
    novel.parent.mkdir()
    novel.write_text("It was")
    for out in (novel.parent, novel, tmp_path):
        assert run_command("export", ["--run", str(run), "--out", str(out)]) == 2
        assert capsys.readouterr().err.startswith(
            "recursezero export: expected a new folder, an empty one or a network's to write to, got "
        )
    assert novel.read_text() == "It was"
    (tmp_path / "empty").mkdir()
    assert run_command("export", ["--run", str(run), "--out", str(tmp_path / "empty")]) == 0
    assert not [path for path in tmp_path.rglob("*") if path.suffix in (".partial", ".retired")]


def test_a_newer_export_replaces_the_folder_and_a_failing_one_does_not(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = ["--out", str(tmp_path / "net")]
    assert run_command("export", ["--run", str(run), *out, "--note", "First."]) == 0
    assert run_command("export", ["--run", str(run), *out, "--note", "Second."]) == 0
    assert "Second." in (tmp_path / "net/CARD.md").read_text()
    before = contents(tmp_path / "net")
    capsys.readouterr()

    def fail(*_arguments: Any) -> None:
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("orbax.checkpoint.StandardCheckpointer.save", fail)
        assert run_command("export", ["--run", str(run), *out]) == 2
    assert capsys.readouterr().err == "recursezero export: No space left on device\n"
    assert contents(tmp_path / "net") == before
    # What the failure left is in nobody's way.
    assert run_command("export", ["--run", str(run), *out, "--note", "Third."]) == 0
    assert "Third." in (tmp_path / "net/CARD.md").read_text()
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".lock") == ["net", "run"]


def test_errors_are_one_line_and_write_nothing(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def refused(*arguments: str) -> str:
        assert run_command("export", [*arguments, "--out", str(tmp_path / "net")]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("recursezero export: expected ") and not (tmp_path / "net").exists()
        return line

    assert f"a run with config.json, got {tmp_path}/none" in refused("--run", str(tmp_path / "none"))
    assert "unknown 'size'" in refused("--run", str(run), "--set", "size=3")
    assert "got 'int4'" in refused("--run", str(run), "--set", "arithmetic=int4")
    for setting in ("blocks=2", "width=32", "value_bins=8"):
        assert "overrides that keep the network's shape" in refused("--run", str(run), "--set", setting)
    mixed = "--run", str(run), "--mix"
    assert "share of the other weights from 0 to 1, got 2" in refused(*mixed, str(run), "--mix-share", "2")
    assert "weights of the run's shape to average with" in refused(*mixed, str(WEIGHTS))
    assert f"got {tmp_path}/none" in refused(*mixed, str(tmp_path / "none"))
    (run / "metrics.jsonl").write_text("{\n")
    assert f"one JSON object a line in {run}/metrics.jsonl" in refused("--run", str(run))
