"""`recursezero self-play`: a short run, its files, its errors, and going on after kill -9 as if nothing was."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from engine.checkpoint import read_network_facts
from engine.command_line import run_command
from engine.network.cores.core_configs import DeqConfig
from tests.doubles.self_play_runs import SETTINGS, small_config
from training.runs import training_loop
from training.runs.run_checkpoint import RunCheckpoints
from training.runs.run_clock import CLOCKS, Plan
from training.runs.run_folder import read_settings
from training.runs.training_loop import TrainingLoop
from training.self_play import self_play_run
from training.self_play.self_play_config import SelfPlayConfig
from training.self_play.self_play_presets import self_play_preset
from training.self_play.self_play_run import SelfPlay

ROOT = Path(__file__).parents[3]
WEIGHTS = ROOT / "weights" / "wide"


def command(run: Path, *more: str) -> list[str]:
    settings = [part for text in SETTINGS for part in ("--set", text)]
    return ["--run", str(run), "--preset", "tic_tac_toe", "--minutes", "30", *settings, *more]


def figures(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--preset", "checkers"], "expected a self-play preset, one of tic_tac_toe, "),
        (["--set", "game=go"], "expected a game, one of tic_tac_toe, "),
        (["--set", "lanes=15"], "expected lanes to be a multiple of updates (2), got 15"),
        (["--set", "muesli.weights.cmpo=-1"], "expected cmpo of at least 0, got -1"),
        (["--set", "muesli.clip=1"], "expected a field of SelfPlayConfig.muesli, got unknown 'clip'"),
        (["--set", "opponents=tactics"], "expected an opponent at tic_tac_toe, one of random, tactical, perfect"),
        (["--set", "behaviour.endgame_share=2"], "expected endgame_share in [0, 1], got 2"),
        (
            ["--set", "muesli.weights.result=1"],
            "expected muesli.weights.result 0 without the network of chess, got 1.0",
        ),
        (["--set", "behaviour.endgame_share=0.5"], "expected endgame_share 0 for tic_tac_toe, got 0.5"),
        (["--set", "behaviour.endgame_pieces=16"], "expected endgame_pieces from 1 to 15, got 16"),
        (["--set", "behaviour.most_plies=-1"], "expected most_plies of at least 0, got -1"),
        (["--set", "rival_minutes=-1"], "expected rival_minutes of at least 0, got -1"),
        (["--set", "muesli.cmpo_gain=0"], "expected cmpo_gain above 0, got 0"),
        (["--resume"], "expected the folder of a run with config.json"),
        (["--resume", "--start-from", "weights/wide"], "expected no --start-from with --resume"),
        (["--minutes", "0"], "expected minutes above 0"),
    ],
)
def test_mistakes_are_one_line(
    arguments: list[str], error: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command("self-play", command(tmp_path / "run", *arguments)) == 2
    printed = capsys.readouterr().err
    assert printed.startswith(f"recursezero self-play: {error}") and printed.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_chess_starts_from_the_weights_and_keeps_the_presets_products_and_solver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[SelfPlayConfig] = []

    def pretended(config: SelfPlayConfig, start_from: Path, folder: Path, now_s: Callable[[], float]) -> SelfPlayConfig:
        assert (start_from, folder, now_s) == (WEIGHTS, tmp_path / "run", CLOCKS["wall"])
        return config

    class PretendedLoop:
        def __init__(self, task: SelfPlayConfig, folder: Path, plan: Plan) -> None:
            assert (folder, plan.minutes) == (tmp_path / "run", 1)
            begun.append(task)

        def run(self) -> None:
            """Does nothing."""

        def stop(self) -> None:
            """Does nothing."""

    monkeypatch.setattr(self_play_run, "SelfPlay", pretended)
    monkeypatch.setattr(training_loop, "TrainingLoop", PretendedLoop)
    arguments = ["--run", str(tmp_path / "run"), "--preset", "chess", "--minutes", "1", "--start-from", str(WEIGHTS)]
    assert run_command("self-play", arguments) == 0
    shipped, preset = read_network_facts(WEIGHTS).config, self_play_preset("chess").network
    network = begun[0].network
    assert network is not None and preset is not None
    assert (network.width, network.blocks, network.policy_width) == (
        shipped.width,
        shipped.blocks,
        shipped.policy_width,
    )
    assert isinstance(network.core, DeqConfig) and isinstance(preset.core, DeqConfig)
    assert (network.arithmetic, network.core.solver) == (preset.arithmetic, preset.core.solver)
    assert isinstance(shipped.core, DeqConfig) and network.core.solver != shipped.core.solver


@pytest.mark.slow
def test_a_run_writes_its_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    assert run_command("self-play", command(run, "--steps", "3", "--decay-share", "0.5")) == 0
    printed = capsys.readouterr().err.splitlines()
    assert "tic_tac_toe: " in printed[0] and "16 games at once" in printed[0]
    assert printed[1].startswith("iteration 1  loss ") and "positions/s" in printed[1] and "games/s" in printed[1]
    assert "against random " in printed[-3] and "perfect " in printed[-3]
    assert printed[-2].startswith("saved iteration 3") and printed[-1] == f"wrote {run}"
    assert read_settings(run, SelfPlayConfig) == small_config()
    lines = figures(run)
    assert lines[0]["step"] == 1 and {"games_per_s", "positions_per_s", "q_correlation", "minutes_left"} <= set(
        lines[0]
    )
    wins, draws, losses, score, error = (
        lines[-1][f"against_perfect/{name}"] for name in ("wins", "draws", "losses", "score", "error")
    )
    games = wins + draws + losses
    assert score == (wins + draws / 2) / games
    assert error**2 * games * (games - 1) == pytest.approx(wins + draws / 4 - games * score**2, abs=1e-6)
    # Factors of the iterations: .75 as it warms up, 1, and .75 as it falls; a line is the mean since the one before.
    means = [(line["step"], line["learning_rate_factor"]) for line in lines if "loss" in line]
    befores = [0, *(step for step, _ in means)]
    total = sum(mean * (step - before) for (step, mean), before in zip(means, befores, strict=False))
    assert means[-1][0] == 3 and total == pytest.approx(0.75 + 1 + 0.75)
    assert list((run / "tensorboard").iterdir())
    assert run_command("self-play", ["--run", str(run), "--preset", "tic_tac_toe", "--minutes", "1"]) == 2
    assert "which exists; use --resume to go on" in capsys.readouterr().err


def run_to(folder: Path, config: SelfPlayConfig, steps: int) -> Any:
    run = TrainingLoop(SelfPlay(config), folder, Plan(minutes=60, steps=steps, validate_minutes=60))
    return jax.device_get(run.run())


@pytest.mark.slow
def test_a_killed_run_goes_on_as_if_nothing_had_been(tmp_path: Path) -> None:
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    arguments = [
        sys.executable,
        str(ROOT / "uci_main.py"),
        "self-play",
        *command(killed, "--save-minutes", "0", "--set", "opponents="),
    ]
    process = subprocess.Popen(arguments, stderr=subprocess.DEVNULL)
    checkpoints = killed / "checkpoints"
    deadline_s = time.monotonic() + 900
    while not checkpoints.is_dir() or not any(
        path.name.isdigit() and int(path.name) > 1 for path in checkpoints.iterdir()
    ):
        assert process.poll() is None and time.monotonic() < deadline_s
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    config = read_settings(killed, SelfPlayConfig)
    saved = RunCheckpoints(killed)
    step = saved._manager.latest_step()
    saved.close()
    assert step is not None and step >= 2
    resumed, straight = run_to(killed, config, 2), run_to(whole, config, step + 2)
    assert int(resumed.step) == step + 2
    jax.tree.map(np.testing.assert_array_equal, resumed, straight)


@pytest.mark.slow
def test_a_run_without_a_saved_replay_begins_with_an_empty_one(tmp_path: Path) -> None:
    config = small_config("saves_replay=false", "opponents=")
    assert int(run_to(tmp_path / "run", config, 3).replay.added) == 3
    state = run_to(tmp_path / "run", config, 1)
    assert int(state.step) == 4 and int(state.replay.added) == 1
