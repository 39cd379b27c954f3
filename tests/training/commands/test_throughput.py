"""The measurement of self-play's speed: its arithmetic, its contestants in miniature, its one-line mistakes."""

import builtins
import dataclasses
import functools
from pathlib import Path
from typing import Any

import jax
import pytest

from engine.checkpoint import read_network_facts
from engine.command_line import run_command
from engine.network.cores.core_configs import DeqConfig
from tests.doubles.self_play_runs import small_run
from training.commands.throughput import chess_config, race_table
from training.self_play.self_play_presets import self_play_preset
from training.studies.interleaved_timing import Contestant, TimedTurns, race
from training.studies.throughput.contestants import (
    MissingPackageError,
    Player,
    alphazero_example,
    numpy_loop,
    perceptron_flops,
    resident_iteration,
    resident_rollout,
)
from training.studies.throughput.peers.peer_networks import perceptron_weights


def contestant(name: str, positions: int, evaluations: int = 1) -> Contestant:
    return Contestant(
        name=name,
        conditions="one game",
        parameters=1200,
        flops=2_500_000,
        evaluations=evaluations,
        positions=positions,
        play=lambda: None,
    )


def test_the_network_has_its_own_shape_and_the_products_and_solver_of_self_play() -> None:
    folder = Path(__file__).resolve().parents[3] / "weights" / "wide"
    shipped, quick = read_network_facts(folder).config, self_play_preset("chess").network
    config = chess_config(folder, ["steps=9"])
    assert quick is not None and isinstance(shipped.core, DeqConfig) and isinstance(quick.core, DeqConfig)
    assert shipped.core.solver != quick.core.solver
    core = dataclasses.replace(shipped.core, solver=quick.core.solver, exit=None)
    assert config.network == dataclasses.replace(shipped, arithmetic=quick.arithmetic, core=core)
    assert config.steps == 9


def test_ratios_are_of_positions_a_second_and_taken_round_by_round() -> None:
    # 100, 50, 100 positions a second beside 5, 10, 2: 20, 5 and 50 times as many.
    contestants = (contestant("ours", 200), contestant("theirs", 10, 33), contestant("learns", 200, 0))
    seconds = ((2.0, 4.0, 2.0), (2.0, 1.0, 5.0), (4.0, 4.0, 4.0))
    times = TimedTurns(tuple(each.positions for each in contestants), seconds)
    ratio = times.ratio(1)
    assert ratio.mean == pytest.approx(25) and ratio.standard_error == pytest.approx(175**0.5)
    assert (times.rate(0), times.rate(1)) == (100, 5)
    lines = race_table(contestants, times)
    assert lines[0].endswith("ours is faster by")
    assert lines[1].split() == ["ours", "100.0", "1,200", "2.5", "x", "1"]
    assert lines[2].split() == ["theirs", "5.0", "1,200", "2.5", "x", "33", "25", "±", "13", "times"]
    assert lines[3].split() == ["learns", "50.0", "1,200", "and", "learning", "1.67", "±", "0.33", "times"]
    assert lines[4:] == [f"{c.name}: one game, {c.positions} positions a turn" for c in contestants]


def test_turns_alternate_after_one_that_is_not_timed() -> None:
    order: list[str] = []
    told: list[str] = []
    contestants = [
        Contestant(
            name=name,
            conditions="",
            parameters=1,
            flops=1,
            evaluations=1,
            positions=1,
            play=functools.partial(order.append, name),
        )
        for name in "ab"
    ]
    times = race(contestants, 2, "cpu", told.append)
    assert order == list("abababab"[:6]) and [len(turns) for turns in times.seconds] == [2, 2]
    assert told[:2] == ["compiled: a", "compiled: b"] and told[-1].startswith("round 2 of 2: b ")
    assert all(second >= 0 for turns in times.seconds for second in turns)


def test_the_loop_of_python_chess_plays_as_many_moves_as_it_says() -> None:
    weights = perceptron_weights(4)
    loop = numpy_loop(weights, 7)
    loop.play()
    assert loop.positions == 7 and loop.parameters == 896 * 4 + 4 + 4 * 4288 + 4288 + 4
    assert loop.flops == perceptron_flops(weights) == 2 * 4 * (896 + 4288 + 1)


def test_a_missing_package_is_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_mctx(name: str, *rest: Any) -> Any:
        if name.split(".")[0] in ("mctx",) or name.endswith("alphazero_self_play"):
            raise ModuleNotFoundError("No module named 'mctx'", name="mctx")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_mctx)
    with pytest.raises(MissingPackageError):
        alphazero_example("tic_tac_toe", 2, 1)
    assert run_command("throughput", ["--rounds", "1"]) == 2
    printed = capsys.readouterr().err
    assert (
        printed.startswith("recursezero throughput: expected the packages of recursezero[peers]")
        and printed.count("\n") == 1
    )
    assert "pip install" in printed


def test_mistakes_are_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Any) -> None:
    for arguments in (["--weights", str(tmp_path)], ["--set", "lanes=x"]):
        assert run_command("throughput", [*arguments, "--without-alphazero"]) == 2
        assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.slow
def test_the_resident_program_plays_and_learns_a_turn() -> None:
    run = small_run()
    params = run.agent.init(jax.random.key(0))
    rollout = resident_rollout("rollout", run.config, run.environment, Player(run.agent, params, 7, 9))
    iteration = resident_iteration("iteration", run.config, run.environment, run.agent, params)
    assert (rollout.positions, rollout.parameters, rollout.flops) == (64, 7, 9) and iteration.positions == 64
    result = race([rollout, iteration], 1, "cpu", print)
    assert result.rate(0) > result.rate(1) > 0


@pytest.mark.slow
def test_the_example_searches_a_turn() -> None:
    pytest.importorskip("mctx")
    with jax.numpy_rank_promotion("allow"):  # mctx relies on it
        example = alphazero_example("tic_tac_toe", 2, 3, simulations=2, channels=2, blocks=1)
        example.play()
    assert example.positions == 6 and example.evaluations == 3
    # Two convolutions of a block dominate; of 2 channels and 9 cells, 9 neighbours each less the edges.
    assert 1000 < example.flops < 10_000
