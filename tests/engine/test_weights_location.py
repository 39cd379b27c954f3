import os
import sys
from pathlib import Path

import pytest

import engine.weights_location as weights_location
from engine.weights_location import WeightsNotFoundError, default_weights_folder


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place where the program might be installed, without weights."""
    monkeypatch.delenv("RECURSEZERO_WEIGHTS", raising=False)
    monkeypatch.setattr(weights_location, "__file__", str(tmp_path / "engine" / "here.py"))
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "prefix"))
    return tmp_path


def test_weights_lie_next_to_the_package(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = installed / "weights" / "wide"
    folder.mkdir(parents=True)
    (installed / "prefix/share/recursezero/weights/wide").mkdir(parents=True)
    (installed / "elsewhere").mkdir()
    monkeypatch.chdir(installed / "elsewhere")
    assert default_weights_folder() == folder


def test_weights_lie_under_the_installation(installed: Path) -> None:
    folder = installed / "prefix/share/recursezero/weights/wide"
    folder.mkdir(parents=True)
    assert default_weights_folder() == folder


def test_the_environment_names_the_folder(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (installed / "weights" / "wide").mkdir(parents=True)
    (installed / "mine").mkdir()
    monkeypatch.setenv("RECURSEZERO_WEIGHTS", str(installed / "mine"))
    assert default_weights_folder() == installed / "mine"
    monkeypatch.setenv("RECURSEZERO_WEIGHTS", "~no-such-user/net")
    with pytest.raises(WeightsNotFoundError, match="tried: ~no-such-user/net;"):
        default_weights_folder()
    monkeypatch.setenv("RECURSEZERO_WEIGHTS", str(installed / "missing"))
    with pytest.raises(WeightsNotFoundError, match="RECURSEZERO_WEIGHTS, got none") as error:
        default_weights_folder()
    assert str(installed / "weights") not in str(error.value)


def test_the_error_lists_the_places_tried(installed: Path) -> None:
    with pytest.raises(WeightsNotFoundError) as error:
        default_weights_folder()
    assert "\n" not in str(error.value)
    for place in ("weights/wide", "prefix/share/recursezero/weights/wide"):
        assert str(installed / place).replace("/", os.sep) in str(error.value)
