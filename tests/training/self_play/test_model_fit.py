"""A latent model fitted to labels: its loss by loops, what it learns, its folder in play and as the start of a run."""

import dataclasses
import functools
import json
import math
from pathlib import Path
from typing import Any

import chess
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.checkpoint import load_network, save_network, serving_shapes
from engine.command_line import run_command
from engine.network.latent_model.dynamics import LatentModel, cell_facts
from engine.network.latent_model.policy_improvement import candidates_of, evaluate_improved, value_support
from engine.network.products import FLOAT32
from engine.player.network_evaluator import evaluator_of
from tests.doubles.small_run import pack
from tests.doubles.tiny_latent_model import MODEL, tiny_loaded, tiny_model
from tests.doubles.tiny_network import stirred, tiny_config
from tests.reference import latent_model_reference as slow
from training.distillation.starting_weights import starting_model
from training.packed.batches import Batch, BatchStream
from training.packed.shards import Shards
from training.runs.run_clock import Plan
from training.runs.training_loop import TrainingLoop
from training.self_play.chess_agent import with_one_iteration
from training.self_play.model_figures import (
    JudgedMoves,
    best_scale,
    improved_regret,
    judged_moves,
    model_figures,
)
from training.self_play.model_fit import FitConfig, drawn_actions, fit_loss
from training.self_play.self_play_config import SelfPlayConfig
from training.self_play.self_play_presets import self_play_preset
from training.self_play.self_play_run import SelfPlay

SIZES = dataclasses.replace(tiny_config(), arithmetic="int8")


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pack("all", "labels-all.tsv", tmp_path_factory.mktemp("pack") / "all") / "train"


def test_the_loss_is_that_of_loops() -> None:
    bins, model = 16, _model(16)
    module = LatentModel(MODEL.width, MODEL.heads, bins, 0, FLOAT32)
    squares = np.random.default_rng(1).normal(size=(2, 64, SIZES.width)).astype(np.float32)
    cells = np.array([[12 * 64 + 28, 4096 + 7], [1 * 64 + 18, 62 * 64 + 1]], np.int32)
    scores = np.array([[0.999, 0.998], [0.3, 0.5]], np.float32)
    loss, figures = jax.jit(functools.partial(fit_loss, module))(model, squares, cells, scores)
    start, end, promotion = cell_facts()
    support, losses, q = (2 * np.arange(bins) + 1) / bins - 1, [], []
    for row, column in np.ndindex(2, 2):
        cell, score = cells[row, column], float(scores[row, column])
        latent = slow.embedded(model, squares[row].astype(float))
        move = int(start[cell]), int(end[cell]), int(promotion[cell])
        value, reward = (_softmax(logits) for logits in slow.step_logits(model, latent, *move, MODEL.heads))
        # The first move mates at once: the reward says so, and an ended game is worth 0, a score of a half.
        mates = (row, column) == (0, 0)
        middle = 0.5 if mates else 1 - score
        below = np.array([0.5 * math.erf((edge / bins - middle) * bins / 0.75 / 2**0.5) for edge in range(bins + 1)])
        target = np.diff(below) / (below[-1] - below[0])
        losses.append(-target @ np.log(value) - np.log(reward[2 if mates else 1]))
        q.append(reward[2] - reward[0] - value @ support)
    labels = 2 * scores.ravel() - 1
    np.testing.assert_allclose(loss, np.mean(losses), rtol=1e-4)
    np.testing.assert_allclose(figures["q_error"], np.sqrt(np.mean((np.array(q) - labels) ** 2)), rtol=1e-3)
    np.testing.assert_allclose(figures["q_correlation"], np.corrcoef(q, labels)[0, 1], rtol=1e-3, atol=1e-3)


def _model(bins: int) -> Any:
    blank = jax.ShapeDtypeStruct((1, 64, SIZES.width), jnp.float32), jax.ShapeDtypeStruct((1,), jnp.int32)
    init = LatentModel(MODEL.width, MODEL.heads, bins, 0, FLOAT32).init
    return stirred(jax.eval_shape(init, jax.eval_shape(lambda: jax.random.key(0)), *blank)["params"], seed=5)


def _softmax(logits: np.ndarray) -> np.ndarray:
    return np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()


def test_draws_have_the_chances_they_should_and_are_never_padding() -> None:
    values, cells = np.zeros((2, 5), np.float32), np.full((2, 5), -1, np.int16)
    values[0, :4], cells[0, :4] = [0.9, 0.8, 0.1, 0.0], [3, 8, 5, 6]
    values[1, :1], cells[1, :1] = [0.4], [7]
    batch = Batch(np.zeros((2, 67), np.int8), cells, values, np.zeros(2, np.int8))
    counts = np.zeros(9)
    for index in range(2000):
        drawn = drawn_actions(batch, FitConfig(actions=3, tau=0.2), index)
        assert np.all(drawn.cells[1] == 7) and np.all(drawn.scores[1] == np.float32(0.4))
        assert drawn.scores[0].tolist() == [values[0, list(cells[0]).index(cell)] for cell in drawn.cells[0]]
        counts += np.bincount(drawn.cells[0], minlength=9)
    powers = np.exp(values[0, :4] / 0.2)
    np.testing.assert_allclose(counts[[3, 8, 5, 6]] / 6000, powers / powers.sum() / 2 + 1 / 8, atol=0.012)
    again = drawn_actions(batch, FitConfig(actions=3, tau=0.2), index)
    np.testing.assert_array_equal(drawn.cells, again.cells)


def test_figures_are_those_of_worked_examples() -> None:
    is_move = np.array([[True, True, True], [True, True, False]])
    scores = np.array([[0.2, 0.6, 0.5], [0.9, 0.4, 0.0]], np.float32)
    logits = np.array([[2.0, 1.0, 0.0], [1.0, 0.0, 9.0]], np.float32)
    # q is 2 w - 1 but for .5 too much everywhere.
    values = np.array([0.1, -0.2], np.float32)
    judged = JudgedMoves(is_move, scores, logits, 2 * scores - 0.5 - values[:, None], values)
    figures = model_figures(judged)
    np.testing.assert_allclose(figures, (1.0, 1.0, 0.5), rtol=1e-5)
    # The policy takes the moves of .2 and .9; with advantages of -.2, .6, .4 at scale .5 the second of the first wins.
    regret = improved_regret(judged, 0.5, 1.0)
    np.testing.assert_allclose(regret, (0.2, 0.0, -0.2, 0.2), atol=1e-6)  # variance 0.08, n = 2
    np.testing.assert_allclose(improved_regret(judged, 50.0, 1.0).improved, 0.2, atol=1e-6)
    assert best_scale(judged, (0.4, 0.5, 50.0), 1.0) == 0.5


@pytest.mark.slow
def test_what_is_measured_is_what_is_played(packed: Path) -> None:
    loaded, shards = tiny_loaded(), Shards(packed)
    judged = judged_moves(loaded, shards, 12)
    assert loaded.model is not None and len(judged.values) == 12
    batch = BatchStream([(shards, 1.0, 1.0)], 12, seed=0)(0)
    candidates = candidates_of([row[row >= 0].astype(np.int32) for row in batch.cells], 12)

    def play(position: jax.Array) -> Any:
        assert loaded.model is not None
        steps = jnp.int32(loaded.network.config.own_steps)
        return evaluate_improved(loaded.network, loaded.params, loaded.model, position, steps, candidates)

    output = jax.jit(play)(batch.positions)
    played = np.take_along_axis(np.asarray(output.policy_logits), np.maximum(batch.cells, 0).astype(int), axis=1)
    measured = judged.logits + np.clip(judged.advantages / MODEL.scale, -MODEL.clip, MODEL.clip)
    np.testing.assert_allclose(measured[judged.is_move], played[judged.is_move], atol=1e-4)
    value = jax.nn.softmax(output.score_logits) @ value_support(loaded.network.config.value_bins)
    np.testing.assert_allclose(judged.values, value, atol=1e-5)
    np.testing.assert_array_equal(judged.scores, batch.values)


def test_the_network_makes_one_iteration_while_its_model_is_fitted() -> None:
    assert with_one_iteration(SIZES).own_steps == 1 and with_one_iteration(SIZES).arithmetic == "bfloat16"


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("network") / "net"
    save_network(folder, SIZES, stirred(serving_shapes(SIZES)), "# net\n", {"steps": 7})
    return folder


def command(network: Path, packed: Path, out: Path, *more: str) -> list[str]:
    data = ["--weights", str(network), "--source", str(packed), "--validation", str(packed), "--out", str(out)]
    return [*data, "--minutes", "30", "--set", "batch_size=8", "--set", "measured=20", *more]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--minutes", "0"], "expected minutes above 0, got 0.0"),
        (["--set", "actions=0"], "expected actions of at least 1, got 0"),
        (["--set", "tau=0"], "expected tau above 0, got 0.0"),
        (["--set", "scales="], "expected scales above 0, at least one"),
        (["--set", "scales=0.1,-1"], "expected scales above 0, at least one"),
        (["--weights", "nothing"], "expected a network's folder with network.json, got nothing"),
        (["--source", "nothing"], "expected a packed set with manifest.json, got nothing"),
        (["--out", "."], "expected a new place for --out and its .run, got "),
    ],
)
def test_mistakes_are_one_line(
    arguments: list[str],
    error: str,
    network: Path,
    packed: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_command("fit-model", command(network, packed, tmp_path / "out", *arguments)) == 2
    printed = capsys.readouterr().err
    assert printed.startswith(f"recursezero fit-model: {error}") and printed.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def fitted(network: Path, packed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("fitted") / "out"
    assert run_command("fit-model", command(network, packed, out, "--steps", "40", "--set", "warmup_steps=2")) == 0
    return out


@pytest.mark.slow
def test_a_fit_learns_and_leaves_the_network_as_it_was(fitted: Path, network: Path) -> None:
    lines = [json.loads(line) for line in (fitted.with_name("out.run") / "metrics.jsonl").read_text().splitlines()]
    losses = [line["value_loss"] for line in lines if "value_loss" in line]
    assert losses[-1] < losses[0] - 0.1 and "validation/q_correlation" in lines[-1]
    before, after = load_network(network), load_network(fitted)
    jax.tree.map(np.testing.assert_array_equal, after.params, before.params)
    assert after.network == before.network and after.model is not None
    assert after.model.config.scale in FitConfig().scales
    facts = json.loads((fitted / "network.json").read_text())["facts"]
    assert facts["steps"] == 7 and "held-out correlation" in (fitted / "CARD.md").read_text()
    (played,) = evaluator_of(after).with_improved_policy().evaluate([chess.Board()])
    (plain,) = evaluator_of(after).evaluate([chess.Board()])
    assert played.moves == plain.moves and np.any(np.abs(played.log_probs - plain.log_probs) > 1e-6)


@pytest.mark.slow
def test_a_fitted_model_is_fitted_further(
    fitted: Path, packed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ("--steps", "1", "--set", "learning_rate=1e-12", "--set", "weight_decay=0")
    assert run_command("fit-model", command(fitted, packed, tmp_path / "again", *more)) == 0
    assert f"the latent model of {fitted} is learned further" in capsys.readouterr().err
    first, second = load_network(fitted).model, load_network(tmp_path / "again").model
    assert first is not None and second is not None
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), first.params, second.params)


def tiny_chess() -> SelfPlayConfig:
    settings = dataclasses.replace(self_play_preset("chess"), network=SIZES, opponents=())
    sizes = {"lanes": 2, "steps": 3, "updates": 1, "replayed": 1, "replay_slots": 2, "saves_replay": False}
    muesli = dataclasses.replace(settings.muesli, cmpo_samples=2, unroll_steps=1)
    return dataclasses.replace(settings, muesli=muesli, **sizes)  # type: ignore[arg-type]


@pytest.mark.slow
def test_self_play_starts_from_a_model_that_fits(
    fitted: Path, network: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = load_network(fitted).model
    assert expected is not None
    run = TrainingLoop(SelfPlay(tiny_chess(), fitted), tmp_path / "run", Plan(minutes=60, steps=1))
    learner: Any = run._state.learner
    # Copies, since the iteration takes the state's buffers.
    starts = [jax.device_get(params["model"]) for params in (learner.params, learner.target, learner.anchor)]
    for model in starts:
        jax.tree.map(np.testing.assert_array_equal, model, expected.params)
    # Killed before its first iteration, it goes on from the same weights.
    again = TrainingLoop(SelfPlay(tiny_chess()), tmp_path / "run", Plan(minutes=60, steps=1))
    jax.tree.map(np.testing.assert_array_equal, again._state.learner.params, learner.params)
    again._checkpoints.close()
    again._log.close()
    run.run()
    assert f"the latent model of {fitted} is learned further" in capsys.readouterr().err
    # The stirred model of the tests is narrower.
    other = tmp_path / "other"
    save_network(other, SIZES, load_network(network).params, "card", {}, tiny_model(SIZES))
    refused, none = starting_model(other, expected.params), starting_model(network, expected.params)
    assert refused.params is None and none.params is None
    assert refused.text.startswith(f"the latent model of {other} has another shape, (")
    assert none.text == f"{network} has no latent model, so this one begins from nothing"
