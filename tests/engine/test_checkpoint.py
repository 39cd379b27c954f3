"""Folders of networks: what is saved comes back, and what cannot be used is refused with one line."""

import functools
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import pytest

from engine.checkpoint import (
    FORMAT_VERSION,
    CheckpointError,
    load_network,
    read_network_facts,
    save_network,
    serving_network,
    serving_shapes,
)
from engine.frozen_config import to_json_dict
from tests.doubles.tiny_latent_model import tiny_model
from tests.doubles.tiny_network import stirred, tiny_config

CONFIG = tiny_config(arithmetic="int8")
FACTS = {"commit": "abc", "regret": 0.125, "steps": 7}


@functools.cache
def saved_params(seed: int = 0) -> Any:
    return stirred(serving_shapes(CONFIG), seed)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("networks") / "cpu"
    save_network(folder, CONFIG, saved_params(), "# A card\n", FACTS)
    return folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    """Returns a copy to damage."""
    return Path(shutil.copytree(original, tmp_path / "network"))


def edit_manifest(folder: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    path = folder / "network.json"
    manifest = json.loads(path.read_text())
    edit(manifest)
    path.write_text(json.dumps(manifest))


def weight_files(folder: Path) -> list[Path]:
    """Returns the files below params, the largest first."""
    return sorted((p for p in (folder / "params").rglob("*") if p.is_file()), key=lambda p: -p.stat().st_size)


def digest_of(folder: Path) -> str:
    """Hashes the settings, and names, sizes and contents below params, as the format says."""
    text = json.dumps(json.loads((folder / "network.json").read_text())["config"], sort_keys=True).encode()
    for path in sorted(path for path in (folder / "params").rglob("*") if path.is_file()):
        content = path.read_bytes()
        text += f"{path.relative_to(folder / 'params').as_posix()}\0{len(content)}\0".encode() + content
    return hashlib.sha256(text).hexdigest()


def refusal(folder: Path) -> str:
    """Returns the one line that a folder is refused with; it names the folder."""
    with pytest.raises(CheckpointError) as caught:
        load_network(folder)
    text = str(caught.value)
    assert "\n" not in text and text == text.strip() and text.isprintable()
    assert str(folder) in text
    assert text.startswith("expected ")
    assert caught.value.__cause__ is None
    return text


def assert_params_equal(got: Any, expected: Any) -> None:
    assert jax.tree.structure(got) == jax.tree.structure(expected)  # type: ignore[operator]
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def test_round_trip_is_equal_to_the_last_bit(original: Path) -> None:
    loaded = load_network(original)
    assert_params_equal(loaded.params, saved_params())
    assert loaded.network == serving_network(CONFIG)
    assert loaded.sha256 == digest_of(original)
    manifest = json.loads((original / "network.json").read_text())
    assert manifest == {
        "format_version": FORMAT_VERSION,
        "sha256": loaded.sha256,
        "config": to_json_dict(CONFIG),
        "facts": FACTS,
    }
    assert (original / "CARD.md").read_text() == "# A card\n"
    assert sorted(path.name for path in original.parent.iterdir()) == ["cpu"]


def test_a_latent_model_comes_back_and_is_covered_by_the_checksum(tmp_path: Path) -> None:
    plain, folder = tmp_path / "plain", tmp_path / "net"
    model = tiny_model(CONFIG)
    save_network(plain, CONFIG, saved_params(), "", {})
    save_network(folder, CONFIG, saved_params(), "", {}, model)
    loaded = load_network(folder)
    assert load_network(plain).model is None and loaded.model is not None
    assert_params_equal(loaded.params, saved_params())
    assert_params_equal(loaded.model.params, model.params)
    assert loaded.model.config == model.config == read_network_facts(folder).model
    assert loaded.sha256 != load_network(plain).sha256
    good = (folder / "network.json").read_text()
    edits: tuple[Callable[[dict[str, Any]], Any], ...] = (
        lambda manifest: manifest.pop("model"),
        lambda manifest: manifest["model"].update(scale=0.3),
    )
    for edit in edits:
        edit_manifest(folder, edit)
        assert "damaged or altered" in refusal(folder)
        (folder / "network.json").write_text(good)
    edit_manifest(folder, lambda manifest: manifest["model"].update(scale=-1.0))
    assert "a latent model's configuration" in refusal(folder)
    (folder / "network.json").write_text(good)
    flip_a_bit(max((folder / "model").rglob("*"), key=lambda path: path.is_file() and path.stat().st_size))
    assert "damaged or altered" in refusal(folder)
    with pytest.raises(ValueError, match="expected the parameters of the latent model"):
        save_network(folder, CONFIG, saved_params(), "", {}, model._replace(params={}))


def test_a_relative_and_a_moved_folder_load(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = folder.rename(folder.with_name("elsewhere"))
    monkeypatch.chdir(moved.parent)
    assert load_network(Path("elsewhere")).sha256 == digest_of(moved)


def test_no_file_holds_a_path_of_this_machine(original: Path) -> None:
    private = {str(original.parent), str(Path.home()), str(Path.cwd())}
    for path in (path for path in original.rglob("*") if path.is_file()):
        content = path.read_bytes()
        assert [text for text in private if len(text) > 1 and text.encode() in content] == [], path


def test_missing_folder_file_and_manifest(folder: Path, tmp_path: Path) -> None:
    assert "network.json" in refusal(tmp_path / "nowhere")
    assert "network.json" in refusal(folder / "CARD.md")
    (folder / "network.json").unlink()
    assert "network.json" in refusal(folder)


@pytest.mark.parametrize("text", ["", "{", "not JSON\n", '{"format_version": 1,\n"sha256"}', "\0"])
def test_broken_json(folder: Path, text: str) -> None:
    (folder / "network.json").write_text(text)
    assert "JSON" in refusal(folder)


def test_json_in_another_encoding(folder: Path) -> None:
    (folder / "network.json").write_bytes(b"\xff\xfe{\x00}\x00")
    assert "JSON" in refusal(folder)


@pytest.mark.parametrize("version", [FORMAT_VERSION + 1, 2, 0, None, "2"])
def test_other_format_versions(folder: Path, version: object) -> None:
    edit_manifest(folder, lambda manifest: manifest.update(format_version=version))
    assert f"format version 3, 4 or {FORMAT_VERSION}" in refusal(folder) and repr(version) in refusal(folder)


@pytest.mark.parametrize("text", ["[]", "1", "null", '"text"'])
def test_json_that_is_no_object(folder: Path, text: str) -> None:
    (folder / "network.json").write_text(text)
    assert "format version" in refusal(folder)


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [cut_short, flip_a_bit, Path.unlink])
def test_damaged_weights(folder: Path, damage: Callable[[Path], None]) -> None:
    damage(weight_files(folder)[0])
    assert "damaged or altered" in refusal(folder)


def test_missing_and_additional_weight_files(folder: Path) -> None:
    (folder / "params" / "more").write_text("")
    assert "damaged or altered" in refusal(folder)
    shutil.rmtree(folder / "params")
    assert "damaged or altered" in refusal(folder)


def test_unknown_missing_and_wrong_config_keys(folder: Path) -> None:
    good = (folder / "network.json").read_text()
    edits: dict[str, Callable[[dict[str, Any]], Any]] = {
        "colour": lambda config: config.update(colour="red"),
        "width": lambda config: config.pop("width"),
        "heads": lambda config: config.update(heads=5),
        "blocks": lambda config: config.update(blocks="two"),
        "tolerance": lambda config: config["core"]["solver"].update(tolerance=-1.0),
    }
    for name, edit in edits.items():
        edit_manifest(folder, lambda manifest, edit=edit: edit(manifest["config"]))  # type: ignore[misc]
        assert name in refusal(folder)
        (folder / "network.json").write_text(good)
    edit_manifest(folder, lambda manifest: manifest.pop("config"))
    assert "configuration" in refusal(folder)


@pytest.mark.parametrize("change", [{"width": 64}, {"blocks": 2}, {"gate": "dense"}, {"arithmetic": "float32"}])
def test_a_config_that_the_weights_do_not_fit(folder: Path, change: dict[str, Any]) -> None:
    edit_manifest(folder, lambda manifest: manifest["config"].update(change))
    assert "damaged or altered" in refusal(folder)


@pytest.mark.parametrize("damage", [cut_short, Path.unlink])
def test_weights_broken_before_the_checksum_was_made(folder: Path, damage: Callable[[Path], None]) -> None:
    for path in weight_files(folder):
        damage(path)
    edit_manifest(folder, lambda manifest: manifest.update(sha256=digest_of(folder)))
    assert "weights" in refusal(folder)


def test_weights_saved_on_another_kind_of_device(folder: Path) -> None:
    sharding = folder / "params" / "_sharding"
    assert b"cpu:0" in sharding.read_bytes()
    sharding.write_bytes(sharding.read_bytes().replace(b"cpu:0", b"cuda:0"))
    edit_manifest(folder, lambda manifest: manifest.update(sha256=digest_of(folder)))
    assert_params_equal(load_network(folder).params, saved_params())


def test_a_second_save_replaces_the_first(folder: Path) -> None:
    save_network(folder, CONFIG, saved_params(seed=1), "", {})
    assert_params_equal(load_network(folder).params, saved_params(seed=1))
    assert sorted(path.name for path in folder.parent.iterdir()) == ["network"]


def fail(*_args: object, **_options: object) -> None:
    raise OSError("disk full")


def test_a_failing_save_leaves_the_old_folder_whole(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = load_network(folder).sha256
    with pytest.raises(TypeError):
        save_network(folder, CONFIG, saved_params(seed=1), "", {"fact": object()})
    for name in ("orbax.checkpoint.StandardCheckpointer.save", "engine.checkpoint._digest"):
        with monkeypatch.context() as patch:
            patch.setattr(name, fail)
            with pytest.raises(OSError, match="disk full"):
                save_network(folder, CONFIG, saved_params(seed=1), "", {})
        assert load_network(folder).sha256 == before, name
    # The last moment: the new folder is whole, but cannot take its place.
    rename = os.replace

    def fail_for_new(source: Path, target: Path) -> None:
        fail() if source.suffix == ".partial" else rename(source, target)

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", fail_for_new)
        with pytest.raises(OSError, match="disk full"):
            save_network(folder, CONFIG, saved_params(seed=1), "", {})
    assert load_network(folder).sha256 == before
    # What a failed save left behind is in nobody's way.
    save_network(folder, CONFIG, saved_params(seed=1), "", {})
    assert load_network(folder).sha256 != before


def test_parameters_of_another_form_are_not_saved(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="parameters"):
        save_network(tmp_path / "net", CONFIG, stirred(serving_shapes(tiny_config())), "", {})
    assert list(tmp_path.iterdir()) == []


def test_a_relative_folder_in_a_new_one_is_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save_network(Path("new/net"), CONFIG, saved_params(), "", {})
    assert_params_equal(load_network(tmp_path / "new/net").params, saved_params())


def test_a_full_disk_is_noticed_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(OSError, match="No space left on device"):
        save_network(tmp_path / "nets" / "mine", CONFIG, saved_params(), "", FACTS)
    assert list(tmp_path.iterdir()) == []
