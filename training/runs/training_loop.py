"""The training loop of every kind of run: steps, figures, measurements, checkpoints, and a clean end."""

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Generic, NamedTuple

import jax
import numpy as np

from training.runs.run_checkpoint import RunCheckpoints
from training.runs.run_clock import Plan, RunClock
from training.runs.run_folder import write_config
from training.runs.run_log import RunLog, SilentLog
from training.runs.schedule import constant_schedule, decay_end, decaying_schedule
from training.runs.training_task import Figures, Start, StateT, Task, finite_figures


class TrainingLoop(Generic[StateT]):
    """Trains one run, in one process or in all processes of a group.

    Args:
      task: what the run does.
      folder: of the run; a run with a checkpoint in it goes on from there.
      plan: how long to go on.

    Raises:
      ValueError: the newest checkpoint does not fit the settings, or the learning rate has fallen to zero and the plan
        does not restart it.
    """

    def __init__(self, task: Task[StateT], folder: Path, plan: Plan) -> None:
        self._task, self._plan, self._stopping = task, plan, False
        start = task.start()
        self._note = start.note
        self._checkpoints = RunCheckpoints(folder)
        state = self._newest(start)
        if plan.restarts_schedule:
            state = task.with_schedule(state, constant_schedule())
        self._state, step = state, int(state.step)
        learner = task.learner(state)
        updates = int(learner.step)
        end = decay_end(learner.schedule, updates)
        self._clock = RunClock(plan, step, None if end is None else step - (updates - end) // task.updates)
        # All processes of a group have the same figures.
        is_first = jax.process_index() == 0
        if is_first:
            write_config(folder, task.config)
        self._log = RunLog(folder) if is_first else SilentLog()

    def stop(self) -> None:
        """Asks the loop to save and end after the current step; safe in a signal handler."""
        self._stopping = True

    def run(self) -> StateT:
        """Trains until the plan is fulfilled; call it once.

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

    def _newest(self, start: Start[StateT]) -> StateT:
        fresh, task = start.state, self._task
        saved = self._checkpoints.restore_latest(task.saved(fresh))
        if saved is not None:
            return task.restored(saved, fresh)
        # A run that is killed before its first checkpoint must not go on from random weights.
        if start.has_weights:
            self._checkpoints.save(task.saved(fresh))
        return fresh

    def _train(self) -> StateT:
        state, clock, task = self._state, self._clock, self._task
        del self._state  # the first step takes its buffers
        begin = "starts" if not clock.step else f"goes on from {task.unit} {clock.step}"
        self._log.tell(f"{task.introduction(state)}; {begin}, the first {task.unit} compiles")
        if self._note and not clock.step:
            self._log.tell(self._note)
        before: Figures = {}
        with task.stepping(clock.step) as make_step:
            while True:
                state, figures = make_step(state)
                # At most one step is in flight while the next is prepared; otherwise a stop would wait for many.
                jax.block_until_ready(before)
                before = figures
                clock.step += 1
                now = decide(task, clock, self._plan, self._stopping)
                if now.decay_updates:
                    schedule = decaying_schedule(int(task.learner(state).step), now.decay_updates)
                    state = task.with_schedule(state, schedule)
                self._look(state, figures, now)
                if now.is_end:
                    break
        self._log.tell(f"saved {task.unit} {clock.step} after {clock.minutes():.1f} min")
        return state

    def _look(self, state: StateT, figures: Figures, now: "Decisions") -> None:
        """Reports, measures and saves what is due after a step."""
        clock, task = self._clock, self._task
        if now.reports:
            report = task.report(finite_figures(clock.step, figures), clock.rate())
            self._log.write(clock.step, {**report.figures, **clock.times()})
            self._tell(f"{report.text}  {clock.minutes_left():.1f} min left")
        for report in task.measure(state) if now.measures else ():
            self._log.write(clock.step, report.figures)
            self._tell(report.text)
        if now.saves:
            finite_figures(clock.step, figures)
            self._checkpoints.save(task.saved(state))

    def _tell(self, text: str) -> None:
        self._log.tell(f"{self._task.unit} {self._clock.step}  {text}")


class Decisions(NamedTuple):
    """Decisions of the loop after a step."""

    decay_updates: int  # in which the learning rate falls to 0 from now on; 0: no decay begins
    reports: bool
    measures: bool
    saves: bool
    is_end: bool


class _Wishes(NamedTuple):
    """Decisions of one process by its own clock, as numbers that can be gathered."""

    decay_updates: int
    reports: int
    measures: int
    saves: int
    is_over: int
    is_stopping: int


def decide(task: Task[StateT], clock: RunClock, plan: Plan, is_stopping: bool) -> Decisions:
    """Decides by the clock after a step; all processes of a group call this after the same step and decide alike.

    Measuring and saving are programs of all devices: a process that began one alone would wait for ever, and one that
    lowered its learning rate alone would diverge from the others. So the first process's clock decides.

    Args:
      task: what the run does.
      clock: of this process; a decay that is due begins.
      plan: of the run.
      is_stopping: whether this process was asked to end, which ends all.
    """
    own = _Wishes(
        decay_updates=clock.begin_decay() * task.updates if clock.is_decay_due() else 0,
        reports=task.is_report_due(clock) or clock.step == clock.first_step + 1,
        measures=clock.is_due("validate", plan.validate_minutes),
        saves=clock.is_due("save", plan.save_minutes),
        is_over=clock.is_over(),
        is_stopping=is_stopping,
    )
    agreed = own if jax.process_count() == 1 else _agreed(own)
    is_end = bool(agreed.is_over or agreed.is_stopping)
    return Decisions(
        decay_updates=agreed.decay_updates,
        reports=bool(agreed.reports or is_end),
        # Whoever asked for the end should not wait for a measurement.
        measures=bool(agreed.measures or (is_end and not agreed.is_stopping)),
        saves=bool(agreed.saves or is_end),
        is_end=is_end,
    )


def _agreed(own: _Wishes) -> _Wishes:
    from jax.experimental import multihost_utils

    everyone = np.asarray(multihost_utils.process_allgather(np.array(own, np.int32)))  # [processes, wishes]
    first = _Wishes(*(int(wish) for wish in everyone[0]))
    return first._replace(is_stopping=int(everyone[:, -1].max()))


@contextlib.contextmanager
def stopped_by_signals(loop: TrainingLoop[StateT]) -> Iterator[None]:
    """Makes Ctrl-C and SIGTERM end a run after its current step, while the context lasts."""

    def on_signal(_signal: int, _frame: FrameType | None) -> None:
        loop.stop()

    previous = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
