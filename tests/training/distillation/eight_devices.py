"""Distillation on eight devices of one process: the same batches and the same steps as on one, and what is exchanged.

JAX makes its devices once a process, so `test_distillation_on_a_mesh.py` runs these tests in one of their own.
"""

import math
import re
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.frozen_config import with_overrides
from tests.doubles.small_run import pack, small_config
from tests.reference.program_text import transfers
from training.distillation.distillation_config import RunConfig, TeacherConfig
from training.distillation.learner import make_state, make_update, state_shardings
from training.distillation.network_teacher import NetworkTeacher
from training.distillation.train_state import TrainState
from training.packed.batches import BatchStream
from training.packed.device_batches import Batches, HostBatches, ResidentBatches
from training.packed.shards import Shards
from training.runs.device_mesh import device_mesh, one_device_mesh, place

DEVICES = 8
CONFIG = small_config()
# A core that sows a loss whose divisor differs from device to device, and losses that no row of the batch decides.
HALTING = with_overrides(
    CONFIG,
    (
        "network.core=universal",
        "network.core.iterations=2",
        "network.core.halting=true",
        "core_losses.ponder=0.5",
        "core_losses.entropy=0.1",
        "core_losses.bits=0.1",
        "optimizer.name=adamw",
    ),
)
HAS_SCORES = np.array([1, 0], np.float32)


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> BatchStream:
    folder = tmp_path_factory.mktemp("mesh")
    sets = [pack("all", "labels-all.tsv", folder / "all"), pack("puzzles", "puzzles.csv", folder / "puzzles")]
    # 11 rows and 5: the devices have unlike parts of both.
    sources = [(Shards(path / "train"), weight, 0.05) for path, weight in zip(sets, (11.0, 5.0), strict=True)]
    return BatchStream(sources, 16, seed=3, mirror=True)


def start(config: RunConfig, mesh: jax.sharding.Mesh) -> TrainState:
    state = make_state(config)
    return place(state, state_shardings(state, mesh, config.shard_optimizer))


def trained(
    config: RunConfig, mesh: jax.sharding.Mesh, batches: Batches, steps: int
) -> tuple[TrainState, list[dict[str, float]]]:
    state, update, history = start(config, mesh), make_update(config, mesh), []
    for index in range(steps):
        state, figures = update(state, batches(index))
        history.append({name: float(value) for name, value in figures.items()})
    # A step whose result were placed in another way than it takes would be compiled twice.
    assert update._cache_size() == 1  # type: ignore[attr-defined]
    return state, history


def assert_same_run(one: Any, other: Any) -> None:
    (state, history), (other_state, other_history) = one, other
    for figures, others in zip(history, other_history, strict=True):
        assert others == pytest.approx(figures, rel=1e-4, abs=1e-6)
    # Sums over the batch are added in another order. AdamW divides small gradients by their own size.
    for leaf, other_leaf in zip(*map(jax.tree.leaves, (state.params, other_state.params)), strict=True):
        np.testing.assert_allclose(other_leaf, leaf, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("make", [HostBatches, ResidentBatches])
def test_a_batch_is_the_same_on_any_number_of_devices(stream: BatchStream, make: Any) -> None:
    one, eight = HostBatches(stream, HAS_SCORES, 1.0, one_device_mesh()), make(stream, HAS_SCORES, 1.0, device_mesh())
    for index in (0, 7, 20):
        wanted, made = one(index), eight(index)
        for name in ("positions", "legal", "score_weight"):
            assert np.array_equal(getattr(made, name), getattr(wanted, name)), name
        np.testing.assert_allclose(made.target, wanted.target, atol=2e-6)
        np.testing.assert_allclose(made.score, wanted.score, atol=1e-7)
        assert {shard.data.shape for shard in made.positions.addressable_shards} == {(2, wanted.positions.shape[1])}


def test_every_device_keeps_an_eighth_of_the_sets(stream: BatchStream) -> None:
    sets = ResidentBatches(stream, HAS_SCORES, 1.0, device_mesh())._sets
    rows = -(-sum(len(source.shards) for source in stream.sources) // DEVICES)
    assert [shard.data.shape[0] for shard in sets.positions.addressable_shards] == [rows] * DEVICES
    moves = sum(len(source.shards.move_cells) for source in stream.sources)
    assert math.ceil(moves / DEVICES) <= sets.moves.addressable_shards[0].data.size < 1.5 * moves / DEVICES


def test_a_batch_that_cannot_be_divided_is_one_line(stream: BatchStream) -> None:
    uneven = BatchStream([(source.shards, source.weight, source.tau) for source in stream.sources], 12, seed=0)
    for make in (HostBatches, ResidentBatches):
        with pytest.raises(
            ValueError, match="^expected batch_size to be a multiple of the number of devices, 8, got 12$"
        ):
            make(uneven, HAS_SCORES, 1.0, device_mesh())


@pytest.mark.slow
@pytest.mark.parametrize("config", [CONFIG, HALTING], ids=["deq, muon", "halting, adamw"])
def test_eight_devices_learn_what_one_does(stream: BatchStream, config: RunConfig) -> None:
    one, eight = (
        trained(config, mesh, HostBatches(stream, HAS_SCORES, 1.0, mesh), 4)
        for mesh in (one_device_mesh(), device_mesh())
    )
    assert_same_run(one, eight)
    assert all(leaf.sharding.is_fully_replicated for leaf in jax.tree.leaves(eight[0]))


@pytest.mark.slow
def test_a_divided_optimiser_makes_the_same_steps(stream: BatchStream) -> None:
    mesh = device_mesh()
    batches = HostBatches(stream, HAS_SCORES, 1.0, mesh)
    whole, (parts, history) = (
        trained(with_overrides(CONFIG, (f"shard_optimizer={value}",)), mesh, batches, 3) for value in ("false", "true")
    )
    assert_same_run(whole, (parts, history))
    matrices = [leaf for leaf in jax.tree.leaves(parts.optimizer) if leaf.ndim > 1 and max(leaf.shape) % DEVICES == 0]
    assert len(matrices) > 10
    assert all(leaf.addressable_shards[0].data.size * DEVICES == leaf.size for leaf in matrices)


@pytest.mark.slow
def test_a_network_teaches_all_devices(stream: BatchStream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    params = make_state(CONFIG).params
    monkeypatch.setattr("training.distillation.network_teacher.network_weights", lambda _: params)
    monkeypatch.setattr("training.distillation.network_teacher.network_config", lambda _: CONFIG.network)
    targets = []
    for mesh in (one_device_mesh(), device_mesh()):
        batch = HostBatches(stream, HAS_SCORES, 1.0, mesh)(0)
        targets.append(NetworkTeacher(TeacherConfig(folder=str(tmp_path)), mesh).taught(batch).target)
        assert not np.array_equal(targets[-1], batch.target)
    np.testing.assert_allclose(targets[1], targets[0], atol=1e-6)


def exchanges(text: str) -> list[tuple[str, list[int]]]:
    """Returns the kind of every exchange in a compiled program, and the sizes of the arrays exchanged."""
    kinds = "all-reduce|all-gather|all-to-all|reduce-scatter|collective-permute|collective-broadcast|send|recv"
    found = re.findall(rf"= (.*?) ({kinds})(?:-start)?\(", text)
    return [
        (kind, [math.prod(map(int, filter(None, shape.split(",")))) for shape in re.findall(r"\w\[([\d,]*)\]", result)])
        for result, kind in found
    ]


def compiled(config: RunConfig, stream: BatchStream) -> str:
    mesh = device_mesh()
    state, batch = start(config, mesh), HostBatches(stream, HAS_SCORES, 1.0, mesh)(0)
    update: Any = make_update(config, mesh)
    return str(update.lower(state, batch).compile().as_text())


def test_gradients_are_summed_once_and_nothing_else_is_exchanged(stream: BatchStream) -> None:
    text = compiled(CONFIG, stream)
    assert transfers(text) == [] and " while(" in text
    gradient = sorted(leaf.size for leaf in jax.tree.leaves(make_state(CONFIG).params))
    kinds, sizes = zip(*exchanges(text), strict=True)
    assert set(kinds) == {"all-reduce"}
    # The figures are scalars, and so is the number of rows with a score.
    assert sorted(size for each in sizes for size in each if size > 1) == [size for size in gradient if size > 1]
    # None of them stands in a loop, where it would be made many times.
    entry = text[text.index("\nENTRY ") :]
    assert len(exchanges(entry)) == len(kinds) <= 3


@pytest.mark.slow
def test_the_sums_of_a_core_that_sows_a_loss_stand_outside_its_loops(stream: BatchStream) -> None:
    text = compiled(HALTING, stream)
    large = [(kind, size) for kind, sizes in exchanges(text) for size in sizes if size > 1]
    gradient = [leaf.size for leaf in jax.tree.leaves(make_state(HALTING).params) if leaf.size > 1]
    assert sorted(large) == sorted(("all-reduce", size) for size in gradient)
    assert len(exchanges(text[text.index("\nENTRY ") :])) == len(exchanges(text))


@pytest.mark.slow
def test_a_divided_optimiser_is_gathered_once(stream: BatchStream) -> None:
    config = with_overrides(CONFIG, ("shard_optimizer=true",))
    state = start(config, device_mesh())
    parts = [leaf.size for leaf in jax.tree.leaves(state.optimizer) if not leaf.sharding.is_fully_replicated]
    found = exchanges(compiled(config, stream))
    assert sorted(size for kind, sizes in found if kind == "all-gather" for size in sizes) == sorted(parts)
    assert {kind for kind, _ in found} == {"all-reduce", "all-gather"}


def test_the_search_for_exchanges_can_fail() -> None:
    mesh = device_mesh()

    def partitioned(x: jax.Array) -> jax.Array:
        return jax.lax.while_loop(lambda y: jnp.sum(y) < 100, lambda y: y + 1.0, x)

    x = place(np.zeros(DEVICES, np.float32), jax.sharding.NamedSharding(mesh, jax.P("data")))
    text = str(jax.jit(partitioned).lower(x).compile().as_text())
    assert [kind for kind, _ in exchanges(text)] == ["all-reduce"]
    assert exchanges(text[text.index("\nENTRY ") :]) == []
