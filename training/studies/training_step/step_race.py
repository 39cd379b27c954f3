"""Times training steps in interleaved turns, one process for each contender.

Turns of a few steps alternate, so load on the machine hits all contenders alike; ratios are taken turn by turn. A
process that waits for its turn costs nothing.
"""

import contextlib
import functools
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np

from training.distillation.distillation_config import RunConfig
from training.distillation.learner import make_state, make_update
from training.distillation.train_state import TrainState
from training.packed.batches import BatchStream
from training.packed.device_batches import Batches, make_batches
from training.packed.prefetch import prefetch
from training.packed.shards import Shards
from training.runs.device_mesh import copied, one_device_mesh, place
from training.studies.interleaved_timing import Clock, TimedTurns, seconds_of
from training.studies.training_step.plain_step import PlainTokens, make_plain_update

_TAU = 0.05
_PREPARED_AHEAD = 4  # batches, as in a run


class RaceError(ValueError):
    """A contender could not be timed; the text is one line."""


class Contender(NamedTuple):
    """Names a way to make training steps."""

    name: str
    run: Callable[[RunConfig, Path], Callable[[int], None]]  # returns a function of the steps to make; importable


def trained_way(config: RunConfig, shards: Path) -> Callable[[int], None]:
    """Trains as `recursezero distil` does: its update, batches prepared by a thread, the state donated."""
    batches, update = _batches(config, shards), make_update(config, one_device_mesh())
    state = _placed(make_state(config))

    def run(steps: int) -> None:
        nonlocal state
        with contextlib.closing(prefetch(batches.prepared, 0, _PREPARED_AHEAD)) as prepared:
            for _ in range(steps):
                state, _ = update(state, batches.finished(next(prepared)))
        jax.block_until_ready(state)

    return run


def plain_way(config: RunConfig, shards: Path) -> Callable[[int], None]:
    """Trains with `plain_step.py`, preparing each batch when it is needed."""
    return _plain(config, shards, "as configured")


def plain_squares_way(config: RunConfig, shards: Path) -> Callable[[int], None]:
    """Trains with plain steps a network whose tokens are the 64 squares."""
    return _plain(config, shards, "squares")


def race(
    config: RunConfig,
    shards: Path,
    contenders: Sequence[Contender],
    steps: int,
    turns: int,
    clock: Clock,
    tell: Callable[[str], None] = lambda _: None,
) -> TimedTurns:
    """Times the contenders in interleaved turns, after each has compiled and made one step.

    Args:
      config: of the run whose step is timed; its sources are ignored.
      shards: a packed set.
      contenders: at least one.
      steps: per turn.
      turns: per contender.
      clock: wall-clock seconds, or processor seconds summed over all threads.

    Raises:
      RaceError: a contender cannot make a step.
    """
    with contextlib.ExitStack() as stack:
        pipes = [stack.enter_context(_started(contender, config, shards)) for contender in contenders]
        seconds: list[list[float]] = [[] for _ in contenders]
        for pipe in pipes:  # one after the other: compiling takes the whole machine
            _turn(pipe, 1, clock)
            tell("compiled")
        for _ in range(turns):
            for number, pipe in enumerate(pipes):
                seconds[number].append(_turn(pipe, steps, clock))
                tell(contenders[number].name)
    return TimedTurns((steps * config.batch_size,) * len(contenders), tuple(map(tuple, seconds)))


@contextlib.contextmanager
def _started(contender: Contender, config: RunConfig, shards: Path) -> Iterator[Connection]:
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    process = spawn.Process(target=_serve, args=(contender, config, shards, there), daemon=True)
    process.start()
    there.close()
    try:
        yield here
    finally:
        here.close()
        process.terminate()
        process.join()


def _turn(pipe: Connection, steps: int, clock: Clock) -> float:
    try:
        pipe.send((steps, clock))
        answer = pipe.recv()
    except (EOFError, OSError) as error:
        raise RaceError("expected a process that makes training steps, but it ended") from error
    if isinstance(answer, str):
        raise RaceError(answer)
    return float(answer)


def _serve(contender: Contender, config: RunConfig, shards: Path, pipe: Connection) -> None:
    """Runs in its own process: makes steps on request and answers with the seconds they took."""
    # Each process would take most of a GPU's memory otherwise, and leave the next one none.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    run: Callable[[int], None] | None = None
    while True:
        try:
            steps, clock = pipe.recv()
        except EOFError:
            return
        try:
            run = run or contender.run(config, shards)
            pipe.send(seconds_of(functools.partial(run, steps), clock))
        except ValueError as error:
            pipe.send(f"{contender.name}: {' '.join(str(error).split())}")


def _plain(config: RunConfig, shards: Path, tokens: PlainTokens) -> Callable[[int], None]:
    batches, update = _batches(config, shards), make_plain_update(config, tokens)
    state = _placed(make_state(config))

    def run(steps: int) -> None:
        nonlocal state
        for index in range(steps):
            state, _ = update(state, batches(index))
        jax.block_until_ready(state)

    return run


def _batches(config: RunConfig, shards: Path) -> Batches:
    stream = BatchStream([(Shards(shards), 1.0, _TAU)], config.batch_size, config.seed, mirror=config.mirror)
    return make_batches(stream, np.ones(1, np.float32), logit_weight=0.0, mesh=one_device_mesh())


def _placed(state: TrainState) -> TrainState:
    return place(state, copied(one_device_mesh()))
