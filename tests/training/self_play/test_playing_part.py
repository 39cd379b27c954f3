"""A short run of self-play at chess becomes a folder that plays the improved policy; other runs are refused."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import chess
import jax
import numpy as np
import pytest

from engine.checkpoint import load_network
from engine.command_line import run_command
from tests.doubles.engine_process import REAL, Process
from tests.doubles.self_play_runs import small_config
from tests.doubles.tiny_network import tiny_config
from training.runs.run_clock import Plan
from training.runs.run_folder import write_config
from training.runs.training_loop import TrainingLoop
from training.self_play.self_play_config import SelfPlayConfig
from training.self_play.self_play_presets import self_play_preset
from training.self_play.self_play_run import SelfPlay


def test_only_a_run_of_chess_is_exported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_config(tmp_path, small_config())
    prefix, arguments = "recursezero export: ", ["--run", str(tmp_path), "--out", str(tmp_path / "net")]
    assert run_command("export", arguments) == 2
    assert capsys.readouterr().err == f"{prefix}expected a run of chess, got one of tic_tac_toe in {tmp_path}\n"
    for content, error in (
        ("{", f"expected the settings of a run in {tmp_path}/config.json, got: Expecting property name"),
        ("3", f"expected the settings of a run in {tmp_path}/config.json, got: 'int' object is not iterable"),
        ('{"clip": 1.0}', f"expected a run with one of the settings sources, game, got none in {tmp_path}\n"),
    ):
        (tmp_path / "config.json").write_text(content)
        assert run_command("export", arguments) == 2
        assert capsys.readouterr().err.startswith(f"{prefix}{error}")


def tiny_chess() -> SelfPlayConfig:
    settings = dataclasses.replace(self_play_preset("chess"), network=tiny_config(), opponents=())
    sizes = {"lanes": 2, "steps": 3, "updates": 1, "replayed": 1, "replay_slots": 2, "saves_replay": False}
    muesli = dataclasses.replace(settings.muesli, cmpo_samples=2, unroll_steps=1, cmpo_clip=0.7)
    return dataclasses.replace(settings, muesli=muesli, **sizes)  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_run_is_exported_and_plays_the_improved_policy(tmp_path: Path) -> None:
    folder, out = tmp_path / "run", tmp_path / "net"
    state = TrainingLoop(SelfPlay(tiny_chess()), folder, Plan(minutes=60, steps=2)).run()
    more = ["--set", "arithmetic=int8", "--note", "Short."]
    assert run_command("export", ["--run", str(folder), "--out", str(out), *more]) == 0
    loaded, target = load_network(out), state.learner.target
    assert loaded.model is not None and loaded.network.config.arithmetic == "int8"
    expected: Any = target
    jax.tree.map(np.testing.assert_array_equal, loaded.model.params, expected["model"])
    scale = np.sqrt(state.learner.scale.second_moment / (1 - state.learner.scale.decay_product))
    assert loaded.model.config.clip == 0.7 and loaded.model.config.scale == pytest.approx(max(scale, 0.02), rel=1e-5)
    facts = json.loads((out / "network.json").read_text())["facts"]
    assert facts["steps"] == 2 and facts["data"].startswith("self-play") and "Short." in (out / "CARD.md").read_text()
    with Process(REAL, tmp_path, XDG_CACHE_HOME=str(tmp_path)) as engine:
        engine.say(f"setoption name WeightsFile value {out}", "setoption name MoveSelection value cmpo")
        engine.say("setoption name MultiPV value 3", "setoption name VerboseMoveStats value true", "isready")
        assert engine.read_until("readyok") == ["readyok"]
        engine.say("position startpos moves e2e4", "go nodes 1")
        lines = engine.read_until("bestmove")
        board = chess.Board()
        board.push_uci("e2e4")
        shown = [line.split(" pv ")[1].split()[0] for line in lines if " multipv " in line]
        assert len(shown) == 3 and lines[-1].split()[1] == shown[0]
        assert all(chess.Move.from_uci(text) in board.legal_moves for text in shown)
        engine.say("setoption name MultiPV value 1", "setoption name VerboseMoveStats value false", "go nodes 1")
        (info, _) = engine.read_until("bestmove")
        assert " nodes 1 " in info
