"""The check of learning from nothing, with runs that only pretend to learn."""

from pathlib import Path
from typing import Any

import pytest

from engine.command_line import run_command
from training.commands.learn_check import CHECKS
from training.runs import training_loop
from training.runs.run_clock import Plan
from training.self_play import self_play_run
from training.self_play.self_play_config import SelfPlayConfig
from training.self_play.self_play_presets import self_play_preset


class Pretended:
    """Stands for a run: notes its settings and has the results it is told to have."""

    games: dict[str, dict[str, tuple[int, int, int]]] = {}
    plans: dict[str, tuple[SelfPlayConfig, Plan]] = {}

    def __init__(self, config: SelfPlayConfig) -> None:
        self.config, self.results = config, self.games[_preset_of(config)]


class PretendedLoop:
    """Stands for the loop: notes the plan of a run."""

    def __init__(self, task: Pretended, folder: Path, plan: Plan) -> None:
        assert folder.name == _preset_of(task.config)
        task.plans[folder.name] = task.config, plan

    def run(self) -> None:
        """Does nothing."""


def _preset_of(config: SelfPlayConfig) -> str:
    return "chess-zero" if config.game == "chess" else config.game


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> type[Pretended]:
    Pretended.games = {
        "tic_tac_toe": {"random": (200, 0, 0), "perfect": (0, 200, 0)},
        "connect_four": {"random": (190, 0, 10), "tactical": (160, 0, 40)},
        "gardner_chess": {"random": (180, 0, 20)},
        "chess-zero": {"random": (35, 60, 5), "exchange": (10, 20, 70)},
    }
    Pretended.plans = {}
    monkeypatch.setattr(self_play_run, "SelfPlay", Pretended)
    monkeypatch.setattr(training_loop, "TrainingLoop", PretendedLoop)
    return Pretended


def test_goals_that_are_just_met(tmp_path: Path, pretended: type[Pretended], capsys: Any) -> None:
    assert run_command("learn-check", ["--out", str(tmp_path), "--clock", "cpu"]) == 0
    assert set(pretended.plans) == set(CHECKS)
    for game, (config, plan) in pretended.plans.items():
        assert config == self_play_preset(game)
        assert (plan.minutes, plan.clock) == (CHECKS[game].minutes, "cpu")
    lines = capsys.readouterr().out.splitlines()
    assert lines[2] == "connect_four against tactical: +160 =0 -40, 80.0%, wanted at least 80%: met"
    assert lines[5] == "chess-zero against exchange: +10 =20 -70, 20.0%, wanted at least 20%: met"
    assert len(lines) == 6


@pytest.mark.parametrize(
    ("game", "opponent", "result"),
    [
        ("tic_tac_toe", "perfect", (0, 199, 1)),
        ("connect_four", "random", (189, 1, 10)),
        ("connect_four", "tactical", (159, 1, 40)),
        ("gardner_chess", "random", (179, 1, 20)),
        ("chess-zero", "random", (34, 61, 5)),
        ("chess-zero", "exchange", (10, 19, 71)),
    ],
)
def test_goals_that_are_just_missed(
    game: str, opponent: str, result: tuple[int, int, int], tmp_path: Path, pretended: type[Pretended], capsys: Any
) -> None:
    pretended.games[game][opponent] = result
    assert run_command("learn-check", ["--out", str(tmp_path)]) == 1
    # The others are learned all the same.
    assert set(pretended.plans) == set(CHECKS)
    assert [line for line in capsys.readouterr().out.splitlines() if line.endswith("MISSED")] != []


def test_settings_and_time_can_be_changed(tmp_path: Path, pretended: type[Pretended]) -> None:
    switched_off = ["--set", "muesli.weights.cmpo=0", "--minutes", "0.5"]
    assert run_command("learn-check", ["--game", "tic_tac_toe", "--out", str(tmp_path), *switched_off]) == 0
    config, plan = pretended.plans["tic_tac_toe"]
    assert list(pretended.plans) == ["tic_tac_toe"]
    assert config.muesli.weights.cmpo == 0 and plan.minutes == 0.5


def test_an_old_run_is_not_taken_for_a_new_one(tmp_path: Path, pretended: type[Pretended], capsys: Any) -> None:
    (tmp_path / "tic_tac_toe").mkdir()
    assert run_command("learn-check", ["--game", "tic_tac_toe", "--out", str(tmp_path)]) == 2
    assert not pretended.plans
    assert capsys.readouterr().err.startswith("recursezero learn-check: expected a new folder for the run, got ")
