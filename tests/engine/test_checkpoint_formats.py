"""Folders that an older version wrote load, and are checked as strictly as today's."""

from pathlib import Path
from typing import Any

from engine.checkpoint import load_network, save_network, serving_network
from tests.engine.test_checkpoint import CONFIG, digest_of, edit_manifest, refusal, saved_params


def as_format_3(folder: Path) -> None:
    """Rewrites a folder as the code before format 4 would have written it."""

    def edit(manifest: dict[str, Any]) -> None:
        core = manifest["config"].pop("core")
        core.pop("exit")
        gradient = {"mode": core["gradient"]["kind"], "backward": core["solver"], "kept": {"schedule": "state"}}
        gradient |= {"steps": core["gradient"]["steps"], "damping": core["gradient"]["damping"]}
        manifest["config"] |= {"core": {"kind": "deq"}, "solver": core["solver"], "gradient": gradient}
        manifest["format_version"] = 3

    edit_manifest(folder, edit)
    edit_manifest(folder, lambda manifest: manifest.update(sha256=digest_of(folder)))


def test_a_folder_of_format_3_loads_and_keeps_its_checksum(tmp_path: Path) -> None:
    folder = tmp_path / "net"
    save_network(folder, CONFIG, saved_params(), "", {})
    as_format_3(folder)
    loaded = load_network(folder)
    assert loaded.network == serving_network(CONFIG)
    assert loaded.sha256 == digest_of(folder)
    edit_manifest(folder, lambda manifest: manifest["config"]["solver"].update(max_steps=5))
    assert "damaged or altered" in refusal(folder)
    edit_manifest(folder, lambda manifest: manifest["config"]["gradient"].pop("steps"))
    assert "configuration" in refusal(folder)


def test_a_folder_of_format_4_loads_without_an_exit(tmp_path: Path) -> None:
    folder = tmp_path / "net"
    save_network(folder, CONFIG, saved_params(), "", {})

    def edit(manifest: dict[str, Any]) -> None:
        assert manifest["config"]["core"].pop("exit", "missing") is None
        manifest["format_version"] = 4

    edit_manifest(folder, edit)
    edit_manifest(folder, lambda manifest: manifest.update(sha256=digest_of(folder)))
    loaded = load_network(folder)
    assert loaded.network == serving_network(CONFIG)
    assert loaded.sha256 == digest_of(folder)
