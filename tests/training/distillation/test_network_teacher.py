"""A network that teaches beside the labels."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.command_line import run_command
from tests.doubles.small_run import SETTINGS, device_batch, pack, share_compiled, shared_policy
from training.distillation.distillation_config import TeacherConfig
from training.distillation.network_teacher import NetworkTeacher, mixed_target
from training.distillation.trained_network import averaged_run, read_config
from training.packed.shards import Shards
from training.runs.device_mesh import one_device_mesh


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pack("all", "labels-all.tsv", tmp_path_factory.mktemp("teacher") / "packed") / "train"


@pytest.fixture(scope="module", autouse=True)
def runs_share_compiled_functions() -> Iterator[None]:
    """Lets the runs of these tests, and what reads them, use functions that are compiled once."""
    with pytest.MonkeyPatch.context() as patch:
        share_compiled(patch)
        yield


@pytest.fixture(scope="module")
def teacher_run(packed: Path) -> Path:
    """Returns a run of two steps."""
    run = packed.parent / "run"
    assert run_command("distil", arguments(run, packed, "--steps", "2")) == 0
    return run


def arguments(run: Path, packed: Path, *more: str) -> list[str]:
    settings = [argument for setting in SETTINGS for argument in ("--set", setting)]
    return ["--run", str(run), "--preset", "tiny", "--minutes", "30", "--source", f"{packed}:1", *settings, *more]


def test_the_mixture_worked_by_hand() -> None:
    target = np.array([[0.5, 0.5, 0.0, 0.0]], np.float32)
    legal = np.array([[True, True, True, False]])
    logits = np.log(np.array([[1.0, 2.0, 1.0, 50.0]], np.float32))  # .25 .5 .25 of the legal ones
    mixed = np.asarray(mixed_target(target, logits, legal, 0.2))
    np.testing.assert_allclose(mixed, [[0.45, 0.5, 0.05, 0.0]], atol=1e-6)


def test_targets_are_those_of_the_network_in_the_folder(teacher_run: Path, packed: Path) -> None:
    batch = device_batch(Shards(packed), 16)
    teacher = NetworkTeacher(TeacherConfig(folder=str(teacher_run), share=0.75), one_device_mesh())
    taught = teacher.taught(batch)
    averaged = averaged_run(teacher_run)
    logits = np.asarray(shared_policy(averaged.config)(averaged.params, batch.positions)[0], np.float64)
    policy = np.where(batch.legal, np.exp(logits), 0)
    expected = 0.25 * np.asarray(batch.target) + 0.75 * policy / policy.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(taught.target, expected, atol=1e-5)
    assert all(a is b for a, b in zip(taught[2:], batch[2:], strict=True)) and taught.positions is batch.positions


def test_a_taught_run_says_so_and_learns_something_else(teacher_run: Path, packed: Path) -> None:
    run = packed.parent / "taught"
    command = arguments(run, packed, "--steps", "2", "--teacher", str(teacher_run), "--set", "teacher.share=0.9")
    assert run_command("distil", command) == 0
    assert read_config(run).teacher == TeacherConfig(folder=str(teacher_run), share=0.9)
    kernel = [averaged_run(folder).params["policy"]["query"]["kernel"] for folder in (run, teacher_run)]
    assert not np.array_equal(*kernel)


@pytest.mark.parametrize(
    ("folder", "share", "message"),
    [
        ("nowhere", 0.5, "expected the folder of a run with config.json, got .*nowhere"),
        ("", 1.5, "expected teacher.share from 0 to 1, got 1.5"),
    ],
)
def test_no_network_or_share_is_one_line(
    packed: Path, tmp_path: Path, capsys: Any, folder: str, share: float, message: str
) -> None:
    teacher = ["--teacher", str(tmp_path / folder)] if folder else []
    assert run_command("distil", arguments(tmp_path / "run", packed, *teacher, "--set", f"teacher.share={share}")) == 2
    error = capsys.readouterr().err.strip()
    assert "\n" not in error
    assert re.search(message, error)
