"""The loop of distillation: batches in, updates, figures out, checkpoints on the way."""

import contextlib
from collections.abc import Generator
from pathlib import Path
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from engine.network.network_config import NetworkConfig
from training.distillation.distillation_config import RunConfig
from training.distillation.held_out import HeldOut
from training.distillation.learner import Metrics, make_policy, make_state, make_update
from training.distillation.network_teacher import NetworkTeacher
from training.distillation.starting_weights import starting_weights
from training.distillation.train_state import TrainState
from training.packed.batches import BatchStream
from training.packed.device_batches import DeviceBatch
from training.packed.prefetch import prefetch
from training.packed.resident_batches import make_batches
from training.packed.shards import Shards
from training.runs.finite_figures import finite_figures
from training.runs.run_checkpoint import RunCheckpoints
from training.runs.run_clock import Plan, RunClock
from training.runs.run_folder import write_config
from training.runs.run_log import RunLog
from training.runs.schedule import constant_schedule, decay_end, decaying_schedule

_LOG_EVERY = 50  # steps
TreeT = TypeVar("TreeT")


class Distillation:
    """One run in one process.

    Args:
      config: the run's settings, which are written to its folder.
      folder: of the run; it is made when nothing is wrong with the settings.
      plan: how long to go on.
      start_from: folder of a run or of a network whose weights are the start of a new run.

    Raises:
      ValueError: the data, the teacher, the other run or the run's newest checkpoint do not fit the settings, or the
        run's learning rate has fallen to zero and the plan does not restart it.
    """

    def __init__(self, config: RunConfig, folder: Path, plan: Plan, start_from: Path | None = None) -> None:
        self._config, self._plan = config, plan
        sources = [(_intact(source.folder), source.weight, source.tau) for source in config.sources]
        stream = BatchStream(sources, config.batch_size, config.seed, mirror=config.mirror)
        has_scores = np.array([source.has_scores for source in config.sources], np.float32)
        self._make_batch = make_batches(stream, has_scores, config.logit_weight)
        self._held_out = HeldOut(_intact(config.validation)) if config.validation else None
        self._policy = make_policy(config.network)
        self._teacher = NetworkTeacher(config.teacher) if config.teacher.folder else None
        self._stopping = False
        fresh = make_state(config)
        started = None if start_from is None else _started(fresh, config.network, start_from)
        self._checkpoints = RunCheckpoints(folder)
        restored = self._checkpoints.restore_latest(fresh)
        if restored is None and started is not None:
            # A run that is killed before its first checkpoint must not go on from random weights.
            self._checkpoints.save(started)
        state = restored or started or fresh
        self._state = _placed(state.replace(schedule=constant_schedule()) if plan.restarts_schedule else state)
        self._clock = RunClock(plan, int(self._state.step), decay_end(self._state.schedule, int(self._state.step)))
        write_config(folder, config)
        self._log = RunLog(folder)

    def stop(self) -> None:
        """Asks the loop to save and end after the step it is in; may be called from a signal handler."""
        self._stopping = True

    def run(self) -> TrainState:
        """Trains until the plan is fulfilled; to be called once.

        Returns:
          The last state, which is also saved.

        Raises:
          DivergedError: the loss is no longer a number; the last checkpoint is from before.
        """
        try:
            return self._train()
        finally:
            self._checkpoints.close()
            self._log.close()

    def _train(self) -> TrainState:
        state, clock, update = self._state, self._clock, make_update(self._config)
        self._log.tell(self._introduction(state))
        before: Metrics = {}
        with contextlib.closing(self._batches(clock.step)) as batches:
            for batch in batches:
                state, metrics = update(state, batch)
                # At most one step is under way while the next is prepared, else a stop would wait for many.
                jax.block_until_ready(before)
                before = metrics
                clock.step += 1
                if clock.is_decay_due():
                    state = state.replace(schedule=_placed(decaying_schedule(clock.step, clock.begin_decay())))
                if self._look(state, metrics):
                    break
        self._log.tell(f"saved step {clock.step} after {clock.minutes():.1f} min")
        return state

    def _look(self, state: TrainState, metrics: Metrics) -> bool:
        """Reports, measures and saves what is due after a step; returns whether the run ends here."""
        clock = self._clock
        is_end = self._stopping or clock.is_over()
        if clock.step % _LOG_EVERY == 0 or clock.step == clock.first_step + 1 or is_end:
            self._report(finite_figures(clock.step, metrics))
        if clock.is_due("validate", self._plan.validate_minutes) or (is_end and not self._stopping):
            self._validate(state)
        if clock.is_due("save", self._plan.save_minutes) or is_end:
            finite_figures(clock.step, metrics)
            self._checkpoints.save(state)
        return is_end

    def _batches(self, start: int) -> Generator[DeviceBatch, None, None]:
        def prepared(index: int) -> DeviceBatch:
            batch = self._make_batch(index)
            return batch if self._teacher is None else self._teacher.taught(batch)

        return prefetch(prepared, start, depth=4)

    def _introduction(self, state: TrainState) -> str:
        parameters = sum(leaf.size for leaf in jax.tree.leaves(state.params))
        begin = "starts" if not self._clock.step else f"goes on from step {self._clock.step}"
        return f"{parameters:,} parameters, batches of {self._config.batch_size}; {begin}, the first step compiles"

    def _report(self, figures: dict[str, float]) -> None:
        clock = self._clock
        rate = clock.rate() * self._config.batch_size
        self._log.write(clock.step, {**figures, "positions_per_s": rate, **clock.times()})
        self._log.tell(
            f"step {clock.step}  policy {figures['policy_loss']:.3f}  top-1 {figures['top1']:.1%}  "
            f"steps {figures['solver_steps']:.1f}  residual {figures['residual']:.3f}  "
            f"{rate:.0f} positions/s  {clock.minutes_left():.1f} min left"
        )

    def _validate(self, state: TrainState) -> None:
        if self._held_out is None:
            return
        step, result = self._clock.step, self._held_out.measure(self._policy, state.average)
        self._log.write(step, {f"validation/{name}": value for name, value in result._asdict().items()})
        self._log.tell(f"step {step}  {result.text()}")


def _placed(tree: TreeT) -> TreeT:
    # As restored states are. The update would be compiled anew for a mixture of placed and unplaced leaves.
    return jax.device_put(tree, jax.local_devices()[0])


def _intact(folder: str) -> Shards:
    """Opens a set all of whose bytes are those that were packed."""
    shards = Shards(Path(folder))
    shards.verify()
    return shards


def _started(fresh: TrainState, config: NetworkConfig, other: Path) -> TrainState:
    params = starting_weights(other, config, fresh.params)
    return fresh.replace(params=params, average=jax.tree.map(jnp.copy, params))
