"""The distillation run: batches of labelled positions, updates, and regret on held-out positions."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from engine.network.network_config import NetworkConfig
from training.distillation.distillation_config import RunConfig
from training.distillation.held_out import HeldOut
from training.distillation.learner import Metrics, make_policy, make_state, make_update, state_shardings
from training.distillation.network_teacher import NetworkTeacher
from training.distillation.starting_weights import starting_weights
from training.distillation.train_state import TrainState
from training.packed.batches import BatchStream
from training.packed.device_batches import DeviceBatch, make_batches
from training.packed.prefetch import prefetch
from training.packed.ranged_shards import open_shards
from training.packed.shards import PackedSet, Shards
from training.runs.device_mesh import copied, device_mesh, local_copy, place
from training.runs.run_clock import RunClock
from training.runs.schedule import Schedule
from training.runs.training_task import Report, Start, Task

_LOG_EVERY = 50  # steps


class Distillation(Task[TrainState]):
    """Learns from labelled positions.

    Args:
      config: the run's settings.
      start_from: folder of a run or of a network whose weights are the start of a new run.

    Raises:
      ValueError: the data, the teacher or the other run do not fit the settings.
    """

    config: RunConfig

    def __init__(self, config: RunConfig, start_from: Path | None = None) -> None:
        self.config, self._start_from = config, start_from
        sources = [(_intact(source.folder), source.weight, source.tau) for source in config.sources]
        self._mesh = device_mesh()
        stream = BatchStream(sources, config.batch_size, config.seed, mirror=config.mirror)
        has_scores = np.array([source.has_scores for source in config.sources], np.float32)
        self._batches = make_batches(stream, has_scores, config.logit_weight, self._mesh)
        self._held_out = HeldOut(_intact(config.validation)) if config.validation else None
        self._policy = make_policy(config.network)
        self._teacher = NetworkTeacher(config.teacher, self._mesh) if config.teacher.folder else None

    def start(self) -> Start[TrainState]:
        """Returns fresh weights, or those of another folder."""
        fresh = make_state(self.config)
        if self._start_from is None:
            return Start(self._placed(fresh))
        return Start(self._placed(_started(fresh, self.config.network, self._start_from)), has_weights=True)

    def introduction(self, state: TrainState) -> str:
        """Describes the size of the network and of the batches, and the devices where there are several."""
        parameters = sum(leaf.size for leaf in jax.tree.leaves(state.params))
        devices = f" on {self._mesh.size} devices" if self._mesh.size > 1 else ""
        return f"{parameters:,} parameters, batches of {self.config.batch_size}{devices}"

    @contextlib.contextmanager
    def stepping(self, first: int) -> Iterator[Callable[[TrainState], tuple[TrainState, Metrics]]]:
        """Prepares batches in the background while updates go on."""
        update = make_update(self.config, self._mesh)
        with contextlib.closing(prefetch(self._batches.prepared, first, depth=4)) as batches:
            yield lambda state: update(state, self._batch(next(batches)))

    def learner(self, state: TrainState) -> TrainState:
        """Returns the state itself."""
        return state

    def with_schedule(self, state: TrainState, schedule: Schedule) -> TrainState:
        """Returns the state with another schedule."""
        return state.replace(schedule=place(schedule, copied(self._mesh)))

    def is_report_due(self, clock: RunClock) -> bool:
        """Returns True at every 50th step."""
        return clock.step % _LOG_EVERY == 0

    def report(self, figures: Mapping[str, float], steps_per_s: float) -> Report:
        """Returns the figures of the newest batch."""
        rate = steps_per_s * self.config.batch_size
        text = (
            f"policy {figures['policy_loss']:.3f}  top-1 {figures['top1']:.1%}  "
            f"steps {figures['solver_steps']:.1f}  residual {figures['residual']:.3f}  {rate:.0f} positions/s"
        )
        return Report({**figures, "positions_per_s": rate}, text)

    def measure(self, state: TrainState) -> Iterator[Report]:
        """Measures the averaged weights on the held-out positions, if there are any; every process measures all."""
        if self._held_out is not None:
            yield self._held_out.measure(self._policy, local_copy(state.average)).report()

    def _batch(self, prepared: Any) -> DeviceBatch:
        batch = self._batches.finished(prepared)
        return batch if self._teacher is None else self._teacher.taught(batch)

    def _placed(self, state: TrainState) -> TrainState:
        return place(state, state_shardings(state, self._mesh, self.config.shard_optimizer))


def _intact(folder: str) -> PackedSet:
    """Opens a set; where it lies on this machine, its bytes are checked to be those that were packed."""
    shards = open_shards(folder)
    if isinstance(shards, Shards):
        shards.verify()
    return shards


def _started(fresh: TrainState, config: NetworkConfig, other: Path) -> TrainState:
    params = starting_weights(other, config, fresh.params)
    return fresh.replace(params=params, average=jax.tree.map(jnp.copy, params))
