"""What a run does after an iteration, the same in all processes of a group.

Measuring and saving are programs of all devices: a process that alone found that it is time would wait for ever, and
one that alone let its learning rate fall would learn something else. So the first process's clock decides for all.
"""

from typing import NamedTuple

import jax
import numpy as np

from training.runs.run_clock import Plan, RunClock

_LOG_MINUTES = 1 / 12


class Decisions(NamedTuple):
    """What is to be done now."""

    decay_updates: int  # in which the learning rate falls to 0 from now on; 0: nothing begins
    reports: bool
    measures: bool
    saves: bool
    is_end: bool


class _Wishes(NamedTuple):
    """What one process finds."""

    decay_updates: int
    reports: int
    measures: int
    saves: int
    is_over: int
    is_stopping: int


def decide(clock: RunClock, plan: Plan, updates: int, is_stopping: bool) -> Decisions:
    """Looks at the clock after an iteration; to be called by all processes of a group, each after the same one.

    Args:
      clock: of this process; a decay that is due begins.
      plan: of the run.
      updates: of an iteration.
      is_stopping: whether this process was asked to end, which ends all.
    """
    own = _Wishes(
        decay_updates=clock.begin_decay() * updates if clock.is_decay_due() else 0,
        reports=clock.is_due("log", _LOG_MINUTES) or clock.step == clock.first_step + 1,
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
        # Who asked for the end does not wait for games.
        measures=bool(agreed.measures or (is_end and not agreed.is_stopping)),
        saves=bool(agreed.saves or is_end),
        is_end=is_end,
    )


def _agreed(own: _Wishes) -> _Wishes:
    from jax.experimental import multihost_utils

    everyone = np.asarray(multihost_utils.process_allgather(np.array(own, np.int32)))  # [processes, wishes]
    first = _Wishes(*(int(wish) for wish in everyone[0]))
    return first._replace(is_stopping=int(everyone[:, -1].max()))
