"""The compiled update: it learns, its figures are what they are called, its average follows the formula."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.encoding.move_labels import CELLS
from tests.doubles.small_run import (
    device_batch,
    pack,
    placed,
    shared_policy,
    shared_state,
    shared_update,
    small_config,
)
from tests.reference import distil_loss_reference as slow
from training.distillation.train_state import TrainState
from training.packed.device_batches import DeviceBatch
from training.packed.shards import Shards

CONFIG = small_config()
FIGURES = {"policy_loss", "wdl_loss", "score_loss", "top1", "entropy", "solver_steps", "residual"}
FIGURES |= {"loss", "gradient_norm", "learning_rate_factor"}


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> DeviceBatch:
    folder = pack("all", "labels-all.tsv", tmp_path_factory.mktemp("learner") / "all")
    return device_batch(Shards(folder / "train"), 16)


def updated(state: TrainState, batch: DeviceBatch) -> tuple[TrainState, dict[str, float]]:
    # The update takes the state's buffers; tests want to look at them afterwards.
    state, metrics = shared_update(CONFIG)(placed(jax.tree.map(jnp.copy, state)), batch)
    return state, {name: float(value) for name, value in metrics.items()}


def test_one_batch_is_learnt_by_heart(batch: DeviceBatch) -> None:
    state, history = shared_state(CONFIG), []
    for _ in range(80):
        state, metrics = shared_update(CONFIG)(state, batch)
        history.append({name: float(value) for name, value in metrics.items()})
    assert history[-1]["policy_loss"] < 0.1 * history[0]["policy_loss"]
    assert history[-1]["loss"] < 0.5 * history[0]["loss"]
    assert history[-1]["top1"] >= 0.7 > history[0]["top1"]
    assert int(state.step) == 80


def test_figures_have_their_names_and_ranges(batch: DeviceBatch) -> None:
    state, figures = updated(shared_state(CONFIG), batch)
    assert set(figures) == FIGURES and all(math.isfinite(value) for value in figures.values())
    assert 0 <= figures["top1"] <= 1 and figures["policy_loss"] >= 0 and figures["gradient_norm"] > 0
    assert 0 < figures["entropy"] <= math.log(218) and figures["residual"] >= 0
    assert figures["solver_steps"] == CONFIG.network.own_steps
    # The heads start near uniform.
    assert figures["wdl_loss"] == pytest.approx(math.log(3), abs=0.75)
    assert figures["score_loss"] == pytest.approx(math.log(CONFIG.network.value_bins), abs=1.0)
    parts = figures["policy_loss"] + 0.25 * figures["wdl_loss"] + 0.25 * figures["score_loss"]
    assert figures["loss"] == pytest.approx(parts, rel=1e-5)
    assert figures["learning_rate_factor"] == 0.25 and int(state.step) == 1


def test_policy_figures_are_means_over_the_batch(batch: DeviceBatch) -> None:
    start = shared_state(CONFIG)
    logits, steps = (np.asarray(x) for x in shared_policy(CONFIG.network)(start.params, batch.positions))
    _, figures = updated(start, batch)
    losses, entropies, hits = [], [], []
    for row, target, legal in zip(logits, np.asarray(batch.target), np.asarray(batch.legal), strict=True):
        case = row.tolist(), target.tolist(), legal.tolist()
        losses.append(0.75 * slow.kl(*case) + 0.25 * slow.reverse_kl(*case))
        odds = np.exp(row[legal].astype(float) - row[legal].max())
        policy = odds / odds.sum()
        entropies.append(-np.sum(policy * np.log(policy)))
        hits.append(target[legal][np.argmax(row[legal])] == target.max())
    assert logits.shape == (16, CELLS) and np.all(steps == CONFIG.network.own_steps)
    assert figures["policy_loss"] == pytest.approx(np.mean(losses), rel=1e-4)
    assert figures["entropy"] == pytest.approx(np.mean(entropies), rel=1e-4)
    assert figures["top1"] == pytest.approx(np.mean(hits))


def test_positions_without_scores_teach_the_policy_only(batch: DeviceBatch) -> None:
    start = shared_state(CONFIG)
    unscored = batch._replace(score_weight=jnp.zeros(16))
    state, figures = updated(start, unscored)
    assert figures["wdl_loss"] == figures["score_loss"] == 0
    assert figures["loss"] == figures["policy_loss"] > 0
    first = batch._replace(score_weight=jnp.repeat(jnp.array([1.0, 0.0]), 8))
    second = batch._replace(score_weight=1 - first.score_weight)
    other = first._replace(score=first.score.at[8:].set(1.0))
    losses = [updated(start, part)[1]["wdl_loss"] for part in (first, second, batch, other)]
    # Means over the scored positions; what the others would score does not matter.
    assert losses[2] == pytest.approx((losses[0] + losses[1]) / 2, rel=1e-5)
    assert losses[3] == pytest.approx(losses[0], rel=1e-6)
    unchanged = jax.tree.map(np.array_equal, state.params["value"]["bins"], start.params["value"]["bins"])
    assert unchanged["bias"]


@pytest.mark.parametrize(("step", "decay"), [(0, 0.1), (1, 2 / 11), (90, 0.91), (10**6, 0.999)])
def test_the_average_follows_its_formula(batch: DeviceBatch, step: int, decay: float) -> None:
    start = shared_state(CONFIG)
    start = start.replace(step=np.int32(step), average=jax.tree.map(lambda leaf: leaf + 1.0, start.average))
    state, _ = updated(start, batch)

    def check(before: Any, params: Any, after: Any) -> None:
        expected = decay * np.asarray(before, float) + (1 - decay) * np.asarray(params, float)
        np.testing.assert_allclose(after, expected, rtol=1e-5, atol=1e-5)

    jax.tree.map(check, start.average, state.params, state.average)
    assert any(jax.tree.leaves(jax.tree.map(lambda a, b: bool(np.any(a != b)), start.params, state.params)))
