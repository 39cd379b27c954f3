"""A training run that compiles in seconds: its settings, its data, and compiled functions that tests share."""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh

from engine.frozen_config import with_overrides
from engine.network.network_presets import preset
from training.distillation.distillation_config import RunConfig, TeacherConfig
from training.distillation.learner import make_policy, make_state, make_update
from training.distillation.train_state import TrainState
from training.distillation.trained_network import read_config
from training.packed.batches import BatchStream
from training.packed.device_batches import DeviceBatch, HostBatches
from training.packed.label_packing import PackConfig, pack_labels
from training.packed.shards import Shards
from training.runs.device_mesh import copied, divided, one_device_mesh, place
from training.runs.run_checkpoint import RunCheckpoints

DATA = Path(__file__).resolve().parent.parent / "data"
# As `--set` takes them, on top of the preset "tiny".
SETTINGS = (
    "network.width=16",
    "network.heads=1",
    "network.hidden_width=16",
    "network.policy_width=16",
    "network.policy_heads=1",
    "network.core.solver.method=picard",
    "network.core.solver.max_steps=2",
    "network.core.solver.stagnation_steps=0",
    "batch_size=16",
    "reverse_share=0.25",
    "optimizer.learning_rate=0.01",
    "optimizer.warmup_steps=4",
)


def small_config() -> RunConfig:
    """Returns the settings of a run without data."""
    return with_overrides(RunConfig(network=preset("tiny"), sources=()), SETTINGS)


def pack(kind: Any, file: str, folder: Path, validation_percent: float = 0.0) -> Path:
    """Packs a file of the tests' data into `folder` and returns it."""
    config = PackConfig(
        kind=kind, inputs=(DATA / file,), out=folder, name=kind, validation_percent=validation_percent, processes=1
    )
    pack_labels(config)
    return folder


def device_batch(shards: Shards, size: int, tau: float = 0.05) -> DeviceBatch:
    """Returns positions of a packed set as the learner takes them."""
    stream = BatchStream([(shards, 1.0, tau)], size, seed=0)
    return HostBatches(stream, np.ones(1, np.float32), logit_weight=0.0, mesh=one_device_mesh())(0)


def _without_data(config: RunConfig) -> RunConfig:
    return dataclasses.replace(config, sources=(), validation="", mirror=True, teacher=TeacherConfig())


@functools.cache
def _state(config: RunConfig) -> TrainState:
    return make_state(config)


@functools.cache
def _update(config: RunConfig, mesh: Mesh) -> Callable[..., Any]:
    return make_update(config, mesh)


def shared_state(config: RunConfig) -> TrainState:
    """Returns `make_state(config)`, computed once; a copy, since updates take their state's buffers."""
    return placed(jax.tree.map(jnp.copy, _state(_without_data(config))))


def last_state(run: Path) -> TrainState:
    """Returns the state of a run's newest checkpoint."""
    checkpoints = RunCheckpoints(run)
    state = checkpoints.restore_latest(shared_state(read_config(run)))
    checkpoints.close()
    assert state is not None
    return state


def placed(state: TrainState) -> TrainState:
    """Returns the state as runs hold it: for other placements the update would be compiled again."""
    return place(state, copied(one_device_mesh()))


def shared_update(config: RunConfig, mesh: Mesh | None = None) -> Callable[..., Any]:
    """Returns `make_update(config, mesh)`, compiled once for all runs that differ in their data only."""
    mesh = mesh or one_device_mesh()
    compiled = _update(_without_data(config), mesh)

    def update(state: TrainState, batch: DeviceBatch) -> Any:
        # For batches on the host and for those that a teacher has changed on the device alike.
        return compiled(state, jax.device_put(batch, divided(mesh)))

    return update


@functools.cache
def shared_policy(network: Any) -> Callable[..., Any]:
    """Returns `make_policy(network)`, compiled once."""
    return make_policy(network)


def share_compiled(patch: pytest.MonkeyPatch) -> None:
    """Lets all runs of this process use the shared functions."""
    patch.setattr("training.distillation.distillation_run.make_state", shared_state)
    patch.setattr("training.distillation.distillation_run.make_update", shared_update)
    patch.setattr("training.distillation.distillation_run.make_policy", shared_policy)
    patch.setattr("training.distillation.network_teacher.make_policy", shared_policy)
    patch.setattr("training.distillation.trained_network.make_state", shared_state)
