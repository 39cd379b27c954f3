"""The loop of distillation: batches in, updates, figures out, checkpoints on the way."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import chex
import jax
import jax.numpy as jnp
import numpy as np

from training.batches import Batch, BatchStream, dense_targets
from training.held_out import HeldOut
from training.learner import DeviceBatch, make_policy, make_state, make_update
from training.prefetch import prefetch
from training.run_checkpoint import RunCheckpoints
from training.run_config import RunConfig
from training.run_folder import averaged_params
from training.run_log import RunLog
from training.run_plan import Plan
from training.schedule import decaying_schedule
from training.shards import Shards
from training.train_state import TrainState

_LOG_EVERY = 50  # steps


class Distillation:
    """One run in one process.

    Args:
      config: the run's settings.
      folder: of the run; it exists.
      plan: how long to go on.
      start_from: folder of another run whose averaged weights are the start of a new run.
    """

    def __init__(self, config: RunConfig, folder: Path, plan: Plan, start_from: Path | None = None) -> None:
        self._config, self._plan, self._start_from = config, plan, start_from
        self._log = RunLog(folder)
        self._checkpoints = RunCheckpoints(folder)
        sources = [(Shards(Path(source.folder)), source.weight, source.tau) for source in config.sources]
        self._stream = BatchStream(sources, config.batch_size, config.seed, mirror=config.mirror)
        self._has_scores = np.array([source.has_scores for source in config.sources], np.float32)
        self._held_out = HeldOut(Shards(Path(config.validation))) if config.validation else None
        self._policy = make_policy(config.network)
        self._stopping = False

    def stop(self) -> None:
        """Asks the loop to save and end after the step it is in; may be called from a signal handler."""
        self._stopping = True

    def run(self) -> TrainState:
        """Trains from the newest checkpoint, or from the start, until the plan is fulfilled.

        Returns:
          The last state, which is also saved.
        """
        fresh = make_state(self._config)
        state = self._checkpoints.restore_latest(fresh) or self._started(fresh)
        if self._plan.restarts_schedule:
            state = state.replace(schedule=fresh.schedule)
        update = make_update(self._config)
        clock = _Clock(self._plan, int(state.step))
        for batch in self._batches(int(state.step)):
            state, metrics = update(state, batch)
            clock.step += 1
            if clock.step % _LOG_EVERY == 0 or clock.step == clock.first_step + 1:
                self._report(clock, {name: float(value) for name, value in metrics.items()})
            if clock.is_decay_due():
                state = state.replace(schedule=decaying_schedule(clock.step, clock.begin_decay()))
            is_end = self._stopping or clock.is_over()
            if clock.is_due("validate", self._plan.validate_minutes) or (is_end and not self._stopping):
                self._validate(clock, state)
            if clock.is_due("save", self._plan.save_minutes) or is_end:
                self._checkpoints.save(state)
            if is_end:
                break
        self._checkpoints.close()
        self._log.close()
        return state

    def _started(self, fresh: TrainState) -> TrainState:
        if self._start_from is None:
            return fresh
        _, params = averaged_params(self._start_from)
        chex.assert_trees_all_equal_shapes(params, fresh.params)
        return fresh.replace(params=params, average=jax.tree.map(jnp.copy, params))

    def _batches(self, start: int) -> Iterator[DeviceBatch]:
        def prepared(index: int) -> DeviceBatch:
            return self._device_batch(self._stream(index))

        return prefetch(prepared, start, depth=4)

    def _device_batch(self, batch: Batch) -> DeviceBatch:
        target, legal = dense_targets(batch, self._stream.taus)
        score = np.max(batch.values, axis=1)
        return DeviceBatch(*jax.device_put((batch.positions, target, legal, score, self._has_scores[batch.source])))

    def _report(self, clock: "_Clock", figures: dict[str, float]) -> None:
        rate = clock.rate() * self._config.batch_size
        self._log.write(clock.step, {**figures, "positions_per_s": rate, "minutes": clock.minutes()})
        self._log.tell(
            f"step {clock.step}  policy {figures['policy_loss']:.3f}  top-1 {figures['top1']:.1%}  "
            f"steps {figures['solver_steps']:.1f}  residual {figures['residual']:.3f}  "
            f"{rate:.0f} positions/s  {max(0.0, self._plan.minutes - clock.minutes()):.1f} min left"
        )

    def _validate(self, clock: "_Clock", state: TrainState) -> None:
        if self._held_out is None:
            return
        result = self._held_out.measure(self._policy, state.average)
        self._log.write(clock.step, {f"validation/{name}": value for name, value in result._asdict().items()})
        self._log.tell(
            f"step {clock.step}  held-out regret {result.regret:.4f} ± {result.regret_error:.4f}  "
            f"top-1 {result.top1:.1%}"
        )


def _processor_time_s() -> float:
    """Returns the seconds that this process would have taken with all processors to itself."""
    return time.process_time() / len(os.sched_getaffinity(0))


class _Clock:
    """Time and steps of this process."""

    def __init__(self, plan: Plan, first_step: int) -> None:
        self._plan, self.first_step, self.step = plan, first_step, first_step
        self._now_s = time.monotonic if plan.clock == "wall" else _processor_time_s
        self._start_s = self._now_s()
        self._last_s = {name: self._start_s for name in ("validate", "save", "rate")}
        self._rate_step = first_step
        self._decay_end: int | None = None

    def minutes(self) -> float:
        return (self._now_s() - self._start_s) / 60

    def rate(self) -> float:
        """Returns steps a second since the last call."""
        now_s, steps = self._now_s(), self.step - self._rate_step
        elapsed_s, self._last_s["rate"], self._rate_step = now_s - self._last_s["rate"], now_s, self.step
        return steps / max(elapsed_s, 1e-9)

    def is_due(self, name: str, minutes: float) -> bool:
        if self._now_s() - self._last_s[name] < minutes * 60:
            return False
        self._last_s[name] = self._now_s()
        return True

    def is_decay_due(self) -> bool:
        share = self._plan.decay_share
        return share > 0 and self._decay_end is None and self.minutes() >= self._plan.minutes * (1 - share)

    def begin_decay(self) -> int:
        """Returns the steps that fit into the rest of the time, and ends the run after them."""
        rate = (self.step - self.first_step) / max(self.minutes(), 1e-9)
        steps = max(1, round(rate * max(self._plan.minutes - self.minutes(), 0.0)))
        self._decay_end = self.step + steps
        return steps

    def is_over(self) -> bool:
        if self._plan.steps is not None and self.step - self.first_step >= self._plan.steps:
            return True
        if self._decay_end is not None:
            return self.step >= self._decay_end
        return self.minutes() >= self._plan.minutes
