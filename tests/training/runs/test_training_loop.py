"""The training loop with a run that only counts: when it reports, measures, saves, decays, stops and goes on."""

import contextlib
import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import pytest
from flax import struct

from training.runs.run_checkpoint import RunCheckpoints
from training.runs.run_clock import Plan, RunClock
from training.runs.schedule import Schedule, constant_schedule
from training.runs.training_loop import TrainingLoop
from training.runs.training_task import DivergedError, Figures, Report, Start, Task


class Counts(struct.PyTreeNode):
    """State and learner in one; a step makes three updates."""

    step: Any
    updates: Any
    schedule: Schedule


class Learner(struct.PyTreeNode):
    """The part that counts updates."""

    step: Any
    schedule: Schedule


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Of a run that counts."""

    seed: int = 3


class Counting(Task[Counts]):
    """Counts steps; its loss is a number until it is told otherwise."""

    config = Settings()
    unit = "iteration"
    updates = 3

    def __init__(self, loss: float = 1.0, at_step: Callable[[int], None] = lambda _: None) -> None:
        self.loss, self.at_step, self.measured = loss, at_step, list[int]()

    def start(self) -> Start[Counts]:
        return Start(Counts(jnp.int32(0), jnp.int32(0), constant_schedule()), has_weights=True, note="From elsewhere")

    def introduction(self, _state: Counts) -> str:
        return "Counting"

    @contextlib.contextmanager
    def stepping(self, first: int) -> Iterator[Callable[[Counts], tuple[Counts, Figures]]]:
        def step(state: Counts) -> tuple[Counts, Figures]:
            self.at_step(int(state.step) + 1)
            state = state.replace(step=state.step + 1, updates=state.updates + 3)
            return state, {"loss": jnp.float32(self.loss), "gradient_norm": jnp.float32(first)}

        yield step

    def learner(self, state: Counts) -> Learner:
        return Learner(state.updates, state.schedule)

    def with_schedule(self, state: Counts, schedule: Schedule) -> Counts:
        return state.replace(schedule=schedule)

    def is_report_due(self, clock: RunClock) -> bool:
        return clock.step % 4 == 0

    def report(self, figures: Mapping[str, float], _steps_per_s: float) -> Report:
        return Report(figures, "counted")

    def measure(self, state: Counts) -> Iterator[Report]:
        self.measured.append(int(state.step))
        yield Report({"validation/score": 0.5}, "measured")


def train(task: Counting, folder: Path, **plan: Any) -> Counts:
    return TrainingLoop(task, folder, Plan(**{"minutes": 60.0, **plan})).run()


def logged(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def saved(folder: Path) -> set[str]:
    return {path.name for path in (folder / "checkpoints").iterdir()}


def test_a_run_reports_measures_and_saves_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task = Counting()
    assert int(train(task, tmp_path, steps=5).step) == 5
    assert [(line["step"], "loss" in line) for line in logged(tmp_path)] == [
        (1, True),
        (4, True),
        (5, True),
        (5, False),
    ]
    # The weights from elsewhere are saved before the first step.
    assert task.measured == [5] and saved(tmp_path) == {"0", "5"}
    told = capsys.readouterr().err.splitlines()
    assert told[:2] == ["Counting; starts, the first iteration compiles", "From elsewhere"]
    assert told[-2] == "iteration 5  measured" and told[-1].startswith("saved iteration 5 after ")
    assert int(train(Counting(), tmp_path, steps=2).step) == 7
    assert capsys.readouterr().err.startswith("Counting; goes on from iteration 5, ")


def test_a_stop_ends_after_the_step_without_a_measure(tmp_path: Path) -> None:
    task = Counting(at_step=lambda step: loop.stop() if step == 3 else None)
    loop = TrainingLoop(task, tmp_path, Plan(minutes=60, validate_minutes=60))
    assert int(loop.run().step) == 3
    assert task.measured == [] and saved(tmp_path) == {"0", "3"}


def test_a_decay_counts_updates_and_is_finished_by_the_next_process(tmp_path: Path) -> None:
    state = train(Counting(), tmp_path, steps=6, decay_share=0.5)
    assert (int(state.schedule.decay_start), int(state.schedule.decay_steps)) == (9, 9)
    with pytest.raises(ValueError, match="above 0, got one whose rate fell to 0 at step 18"):
        train(Counting(), tmp_path, steps=1)
    # As if the process had been stopped with four updates of the decay left, which take two more iterations.
    checkpoints = RunCheckpoints(tmp_path)
    schedule = state.schedule.replace(decay_steps=jnp.int32(16))
    checkpoints.save(state.replace(step=jnp.int32(7), updates=jnp.int32(21), schedule=schedule))
    checkpoints.close()
    assert int(train(Counting(), tmp_path).step) == 9
    assert int(train(Counting(), tmp_path, steps=2, restarts_schedule=True).schedule.decay_start) > 100


def test_a_run_that_diverges_is_not_saved(tmp_path: Path) -> None:
    train(Counting(), tmp_path, steps=2)
    with pytest.raises(DivergedError, match="expected a finite loss, got nan at step 3; "):
        train(Counting(loss=float("nan")), tmp_path, steps=2)
    assert saved(tmp_path) == {"0", "2"}
