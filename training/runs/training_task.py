"""Defines what the training loop asks of a kind of run: its start, steps, figures and measurements."""

import abc
import contextlib
import math
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

import jax

from training.runs.run_checkpoint import CountsSteps
from training.runs.run_clock import RunClock
from training.runs.schedule import Schedule

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

StateT = TypeVar("StateT", bound=CountsSteps)
Figures = Mapping[str, jax.Array | float]  # scalars by name


class DivergedError(ValueError):
    """The loss or the gradient is no longer a number; the text is one line."""


class LearnerState(Protocol):
    """The part of a run's state that the learning rate depends on."""

    @property
    def step(self) -> jax.Array:
        """Updates made, int32 `[]`."""

    @property
    def schedule(self) -> Schedule:
        """Course of the learning rate, in updates."""


class Start(NamedTuple, Generic[StateT]):
    """The state of a run before its first step."""

    state: StateT
    has_weights: bool = False  # from another run or network, which are saved at once
    note: str = ""  # told once, at the beginning of the run


class Report(NamedTuple):
    """Figures for the log, and a line of text for people."""

    figures: Mapping[str, float]
    text: str


class Task(abc.ABC, Generic[StateT]):
    """One kind of run: how it starts, steps, reports and measures; the loop decides when.

    Attributes:
      config: the run's settings, which are written to its folder.
      unit: what a step is called.
      updates: updates of a step.
    """

    config: "DataclassInstance"
    unit = "step"
    updates = 1

    @abc.abstractmethod
    def start(self) -> Start[StateT]:
        """Returns the state of a new run, placed on the devices."""

    @abc.abstractmethod
    def introduction(self, state: StateT) -> str:
        """Describes the run in one line."""

    @abc.abstractmethod
    def stepping(self, first: int) -> contextlib.AbstractContextManager[Callable[[StateT], tuple[StateT, Figures]]]:
        """Opens resources such as batches from step `first` on, and gives the function that makes a step."""

    @abc.abstractmethod
    def learner(self, state: StateT) -> LearnerState:
        """Returns the part of the state that has the schedule."""

    @abc.abstractmethod
    def with_schedule(self, state: StateT, schedule: Schedule) -> StateT:
        """Returns the state with another schedule, placed as the old one was."""

    @abc.abstractmethod
    def is_report_due(self, clock: RunClock) -> bool:
        """Returns whether to log the figures of this step; the first and the last are always logged."""

    @abc.abstractmethod
    def report(self, figures: Mapping[str, float], steps_per_s: float) -> Report:
        """Returns the report on the newest step, whose figures are given, or on all steps since the last report."""

    def measure(self, _state: StateT) -> Iterable[Report]:
        """Yields measurements of the run so far; none by default."""
        return ()

    def saved(self, state: StateT) -> StateT:
        """Returns the part of the state that is saved."""
        return state

    def restored(self, saved: StateT, _fresh: StateT) -> StateT:
        """Returns the whole state from what was saved and a fresh one."""
        return saved


def finite_figures(step: int, figures: Figures) -> dict[str, float]:
    """Returns the figures of a step as floats.

    Raises:
      DivergedError: loss or gradient norm is not finite.
    """
    values = {name: float(value) for name, value in jax.device_get(dict(figures)).items()}
    for name in ("loss", "gradient_norm"):
        if not math.isfinite(values[name]):
            raise DivergedError(
                f"expected a finite {name}, got {values[name]} at step {step}; nothing was saved since the last "
                "checkpoint, go on from it with a lower learning rate"
            )
    return values
