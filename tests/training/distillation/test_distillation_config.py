"""The settings of a run: sources as text, the file in its folder, and what is wrong with them in one line."""

import dataclasses
import json
from pathlib import Path

import pytest

from engine.frozen_config import with_overrides
from engine.network.network_presets import preset
from training.distillation.distillation_config import OptimizerConfig, RunConfig, SourceConfig, parse_source
from training.distillation.trained_network import averaged_run, read_config
from training.runs.run_folder import write_config

CONFIG = RunConfig(
    network=preset("tiny"),
    sources=(SourceConfig(folder="a/train", weight=2.0), SourceConfig(folder="b", weight=0.5, has_scores=False)),
    validation="a/validation",
    optimizer=OptimizerConfig(name="muon"),
)


def test_sources_are_read_from_text() -> None:
    assert parse_source("a/train:2") == CONFIG.sources[0]
    assert parse_source("http://host:80/b:0.5:puzzles").folder == "http://host:80/b"
    assert parse_source("s3://a/b:2") == SourceConfig(folder="s3://a/b", weight=2.0)
    assert parse_source("b:0.5:puzzles") == CONFIG.sources[1]
    assert parse_source("b:0.5:puzzles", tau=0.1) == dataclasses.replace(CONFIG.sources[1], tau=0.1)


@pytest.mark.parametrize("text", ["", "a", "a:", "a:x", "a:1:2", "a:1:puzzle", "puzzles", "a:puzzles"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="^expected a source as FOLDER:WEIGHT or FOLDER:WEIGHT:puzzles, got '"):
        parse_source(text)


@pytest.mark.parametrize(
    "wrong",
    [
        "ema_decay=1",
        "fewest_steps=-1",
        "fewest_steps=99",
        "optimizer.learning_rate=-1",
        "optimizer.clip_norm=0",
        "optimizer.warmup_steps=-1",
    ],
)
def test_numbers_that_make_no_sense_are_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=f"expected {wrong.split('=')[0]} .*, got "):
        with_overrides(CONFIG, [wrong])


def test_settings_survive_the_folder(tmp_path: Path) -> None:
    write_config(tmp_path, CONFIG)
    assert read_config(tmp_path) == CONFIG
    write_config(tmp_path, dataclasses.replace(CONFIG, seed=5))
    assert read_config(tmp_path).seed == 5
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


def test_overrides_reach_nested_settings() -> None:
    changed = with_overrides(CONFIG, ["network.core.solver.max_steps=7", "optimizer.name=adamw", "batch_size=8"])
    assert (changed.network.own_steps, changed.optimizer.name, changed.batch_size) == (7, "adamw", 8)
    with pytest.raises(ValueError, match="expected optimizer.name to be one of adamw, muon, got 'sgd'"):
        with_overrides(CONFIG, ["optimizer.name=sgd"])
    with pytest.raises(ValueError, match="expected reverse_share from 0 to 1, got 1.5"):
        with_overrides(CONFIG, ["reverse_share=1.5"])


def test_damaged_settings_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected the folder of a run with config.json, got"):
        read_config(tmp_path)
    path = tmp_path / "config.json"
    path.write_text('{"network": ')
    with pytest.raises(ValueError, match=f"expected the settings of a run in {path}, got: "):
        read_config(tmp_path)
    write_config(tmp_path, CONFIG)
    data = json.loads(path.read_text())
    path.write_text(json.dumps({**data, "batch": 3}))
    with pytest.raises(ValueError, match=f"{path}, got: .*unknown 'batch'"):
        read_config(tmp_path)
    del data["network"]
    path.write_text(json.dumps(data))
    with pytest.raises(ValueError, match="for RunConfig.network, got no such key"):
        read_config(tmp_path)


def test_settings_that_are_older_than_a_field_get_its_default(tmp_path: Path) -> None:
    write_config(tmp_path, CONFIG)
    path = tmp_path / "config.json"
    data = json.loads(path.read_text())
    del data["reverse_share"], data["core_losses"], data["optimizer"]["clip_norm"], data["sources"][1]["tau"]
    path.write_text(json.dumps(data))
    assert read_config(tmp_path) == CONFIG
    data["optimizer"]["momentum"] = 0.9
    path.write_text(json.dumps(data))
    with pytest.raises(ValueError, match=f"{path}, got: .*unknown 'momentum'"):
        read_config(tmp_path)


def test_a_run_without_a_checkpoint_has_no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_config(tmp_path, CONFIG)
    monkeypatch.setattr("training.distillation.trained_network.make_state", lambda _config: None)
    with pytest.raises(ValueError, match=f"^expected a checkpoint in {tmp_path}, found none$"):
        averaged_run(tmp_path)
