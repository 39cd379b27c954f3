"""Checkpoints of a run: they come back bit for bit, two are kept, leftovers and strangers do no harm."""

from pathlib import Path
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from training.distillation.distillation_config import OptimizerConfig
from training.distillation.train_state import TrainState, initial_state, make_optimizer
from training.runs.run_checkpoint import RunCheckpoints
from training.runs.schedule import decaying_schedule


def state_of(name: str = "adamw", width: int = 16, **more: Any) -> TrainState:
    rng = np.random.default_rng(0)
    params = {"core": {"kernel": jnp.asarray(rng.normal(size=(width, width)), jnp.float32)}, **more}
    return initial_state(params, make_optimizer(OptimizerConfig(name=name)))


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_a_state_comes_back_bit_for_bit(tmp_path: Path, name: str) -> None:
    saved = state_of(name).replace(step=jnp.int32(7), schedule=decaying_schedule(5, 9))
    saved = saved.replace(optimizer=jax.tree.map(lambda leaf: leaf + 1, saved.optimizer))
    checkpoints = RunCheckpoints(tmp_path)
    assert checkpoints.restore_latest(state_of(name)) is None
    checkpoints.save(saved)
    checkpoints.save(saved)
    checkpoints.close()
    again = RunCheckpoints(tmp_path)
    restored = again.restore_latest(state_of(name))
    again.close()
    chex.assert_trees_all_equal_structs(restored, saved)
    jax.tree.map(np.testing.assert_array_equal, restored, saved)


def test_the_newest_two_are_kept(tmp_path: Path) -> None:
    checkpoints = RunCheckpoints(tmp_path)
    for step in (3, 9, 12):
        checkpoints.save(state_of().replace(step=jnp.int32(step)))
    restored = checkpoints.restore_latest(state_of())
    checkpoints.close()
    assert restored is not None and int(restored.step) == 12
    assert {path.name for path in (tmp_path / "checkpoints").iterdir()} == {"9", "12"}


def test_what_a_killed_save_leaves_is_passed_over(tmp_path: Path) -> None:
    checkpoints = RunCheckpoints(tmp_path)
    checkpoints.save(state_of().replace(step=jnp.int32(3)))
    checkpoints.close()
    leftover = tmp_path / "checkpoints" / "6.orbax-checkpoint-tmp"
    leftover.mkdir()
    (leftover / "part").write_text("half of it")
    again = RunCheckpoints(tmp_path)
    restored = again.restore_latest(state_of())
    assert restored is not None and int(restored.step) == 3
    again.save(restored.replace(step=jnp.int32(6)))
    last = again.restore_latest(state_of())
    again.close()
    assert last is not None and int(last.step) == 6


@pytest.mark.parametrize("other", [{"width": 17}, {"bias": jnp.zeros(3)}, {"name": "muon"}])
def test_a_state_of_other_settings_is_refused(tmp_path: Path, other: dict[str, Any]) -> None:
    checkpoints = RunCheckpoints(tmp_path)
    checkpoints.save(state_of())
    with pytest.raises(ValueError, match="^expected a state of the run's network and optimiser in .*, got one that"):
        checkpoints.restore_latest(state_of(**other))
    checkpoints.close()
