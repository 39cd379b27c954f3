import shutil
from pathlib import Path

import jax
import pytest

from engine.checkpoint import read_network_facts, save_network, serving_shapes
from engine.command_line import run_command
from engine.describe import description_lines
from tests.doubles.tiny_network import stirred, tiny_config

CONFIG = tiny_config()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("networks") / "tiny"
    save_network(folder, CONFIG, stirred(serving_shapes(CONFIG)), "", {"regret": "0.04", "commit": "abc"})
    return folder


def test_facts_config_sizes_and_checksum_are_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("describe", ["--weights", str(folder)]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["regret", "0.04"] in lines and ["commit", "abc"] in lines
    assert ["width", str(CONFIG.width)] in lines and ["core.solver.max_steps", str(CONFIG.own_steps)] in lines
    assert ["sha256", read_network_facts(folder).sha256] in lines


def test_the_numbers_are_counted_by_type(folder: Path) -> None:
    (line,) = [line for line in description_lines(folder) if "numbers served" in line]
    counted = sum(int(word.replace(",", "")) for word in line.split() if word.replace(",", "").isdigit())
    assert counted == sum(leaf.size for leaf in jax.tree.leaves(serving_shapes(CONFIG)))


def test_what_is_no_network_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("describe", ["--weights", str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("recursezero describe: expected a network's folder")


def test_damaged_weights_are_noticed(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    next(path for path in sorted((copy / "params").rglob("*")) if path.is_file()).write_bytes(b"")
    assert run_command("describe", ["--weights", str(copy)]) == 2
    assert "damaged or altered" in capsys.readouterr().err
