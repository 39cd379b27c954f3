"""Compiles a network for one position, a pair or a batch, and runs the right program on any number of positions.

A program that was kept by an earlier start is loaded without tracing anything, so Flax and the weights, which are
constants of the program, are read only by a start that compiles.
"""

import dataclasses
import functools
import secrets
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import chess
import jax
import numpy as np

from engine.encoding.position import POSITION_SIZE, encode_position
from engine.player.backend import MOST_STEPS
from engine.player.evaluator import BATCH, FEW
from engine.player.program_store import ProgramStore, program_key

if TYPE_CHECKING:  # Flax comes with it
    from engine.checkpoint import LoadedNetwork

# Boards in a batch on an accelerator, which hardly takes longer for so many than for one.
_ACCELERATOR_BATCH = 64

_PAIR = 2

Program = Callable[..., Sequence[Any]]  # (positions, step limit, candidates' arrays) -> arrays of `Outputs`


class Outputs(NamedTuple):
    """Holds a network's outputs for a batch; the order is that of the arrays of a program."""

    policy_logits: np.ndarray  # [B, Z]
    wdl_logits: np.ndarray  # [B, 3]
    score_logits: np.ndarray  # [B, bins]; without them XLA might compute the others in another order
    residual: np.ndarray  # [B]
    steps: np.ndarray  # [B]
    converged: np.ndarray  # [B]


class NetworkPrograms:
    """Runs a network on one position at a time, on pairs or on batches; makes a program when it is first needed.

    The program of a pair is made only if it is asked for.

    Args:
      make: makes the program of so many positions; may take seconds.
      batch: positions in a batch.
      few: up to so many positions are evaluated one by one or in pairs.
    """

    def __init__(self, make: Callable[[int], Program], batch: int = BATCH, few: int = FEW) -> None:
        self.batch = batch
        self._few = few
        self._make = make
        self._programs: dict[int, Program] = {}
        self._locks = {size: threading.Lock() for size in (1, _PAIR, batch)}
        self._making: dict[int, threading.Thread] = {}  # in the background, in the order in which they were asked for

    def prepare(self, size: int) -> None:
        """Makes the program of one position, of a pair or of a batch, unless it is there; blocks."""
        with self._locks[size]:
            if size not in self._programs:
                self._programs[size] = self._make(size)

    def prepare_batch_in_background(self) -> None:
        """Starts to make the program of a batch; until it is there, positions are evaluated without it."""
        self._prepare_in_background(self.batch)

    def prepare_pair_in_background(self) -> None:
        """Starts to make the program of a pair where one is worth while; until it is there, nothing waits for it."""
        if self._few >= _PAIR and _PAIR not in self._making:
            self._prepare_in_background(_PAIR)

    def _prepare_in_background(self, size: int) -> None:
        earlier = list(self._making.values())

        def prepare_after_those_before() -> None:
            for thread in earlier:
                thread.join()
            self.prepare(size)

        self._making[size] = threading.Thread(target=prepare_after_those_before, name=f"program {size}", daemon=True)
        self._making[size].start()

    def run(self, positions: np.ndarray, step_limit: int, candidates: Sequence[np.ndarray] | None) -> list[Outputs]:
        """Evaluates positions.

        Args:
          positions: int8 `[B, P]`, at least one and at most a batch.
          step_limit: on the iterations, at least 1.
          candidates: legal cells of each position whose policy is to be improved; None if there is no latent model.

        Returns:
          The outputs of one or more runs, whose rows are those of the positions, in order; rows beyond are padding.
        """
        size = self._positions_in_a_run(len(positions))
        parts = [slice(start, start + size) for start in range(0, len(positions), size)]
        return [self._run_once(positions[part], step_limit, candidates and candidates[part]) for part in parts]

    def _positions_in_a_run(self, count: int) -> int:
        batch_is_coming = self.batch in self._making and self._making[self.batch].is_alive()
        if count > self._few and (self.batch in self._programs or not batch_is_coming):
            return self.batch
        return _PAIR if _PAIR in self._programs else 1

    def _run_once(self, positions: np.ndarray, step_limit: int, candidates: Sequence[np.ndarray] | None) -> Outputs:
        count = len(positions)
        size = count if count == 1 or count in self._programs else self.batch
        if size not in self._programs:
            self.prepare(size)
        padding = np.repeat(positions[:1], size - count, axis=0)
        padded = np.concatenate([positions, padding])
        arrays = () if candidates is None else _candidate_arrays(candidates, size)
        return Outputs(*jax.device_get(self._programs[size](padded, np.int32(step_limit), *arrays)))


def programs_of(loaded: "LoadedNetwork", tolerance: float = 0.0, batch: int = BATCH) -> NetworkPrograms:
    """Returns the programs of a network in memory; they are not kept.

    Args:
      loaded: network and parameters.
      tolerance: of the solver, 0 for the network's own.
      batch: positions in a batch.
    """
    return NetworkPrograms(lambda size: _lowered(loaded, tolerance, size).compile(), batch)


def kept_programs(
    load: Callable[[], "LoadedNetwork"],
    sha256: str,
    has_model: bool,
    device: jax.Device,
    tolerance: float,
    store: ProgramStore | None,
) -> NetworkPrograms:
    """Returns the programs of a network in a folder: kept ones, or compiled and then kept.

    Args:
      load: reads the network; called only to compile.
      sha256: of the network.
      has_model: whether the network comes with a latent model.
      device: to compute with.
      tolerance: of the solver, 0 for the network's own.
      store: keeps programs; None: nothing is kept.
    """
    batch, few = (BATCH, FEW) if device.platform == "cpu" else (_ACCELERATOR_BATCH, 1)
    load_once = functools.cache(load)

    def compiled(size: int) -> jax.stages.Compiled:
        # JAX's own cache must not know it: what comes from there cannot be kept.
        name = f"network_{secrets.token_hex(8)}"
        with jax.default_device(device):
            return _lowered(_placed(load_once(), device), tolerance, size, name).compile()

    def kept_or_compiled(size: int) -> Program:
        if store is None:
            return compiled(size)
        key = program_key(device, sha256, tolerance, size, MOST_STEPS)
        arguments = _trial_arguments(size, has_model)
        program = store.load(key, device, *arguments)
        if program is None:
            with store.turn(key):
                program = store.load(key, device, *arguments)  # perhaps another process has made it meanwhile
                if program is None:
                    program = compiled(size)
                    store.save(key, program, *arguments)
        return program

    return NetworkPrograms(kept_or_compiled, batch, few)


def _trial_arguments(size: int, has_model: bool) -> tuple[np.ndarray, ...]:
    position = encode_position(chess.Board())
    candidates = _candidate_arrays([], size) if has_model else ()
    return np.stack([position] * size), np.asarray(1, np.int32), *candidates


def _lowered(loaded: "LoadedNetwork", tolerance: float, size: int, name: str = "network") -> jax.stages.Lowered:
    """Traces the program of so many positions under a name; the parameters are its constants."""
    from engine.network.latent_model.policy_improvement import Candidates, candidates_of, evaluate_improved
    from engine.network.model import Network, evaluate

    config = loaded.network.config
    core = config.core.with_tolerance(tolerance) if tolerance else config.core
    network = Network(dataclasses.replace(config, core=core), loaded.network.product, MOST_STEPS)

    def arrays_of(output: Any) -> tuple[jax.Array, ...]:
        return (output.policy_logits, output.wdl_logits, output.score_logits, *output.stats)

    def program(positions: jax.Array, step_limit: jax.Array, *candidates: Any) -> tuple[jax.Array, ...]:
        if loaded.model is None:
            return arrays_of(evaluate(network, loaded.params, positions, step_limit))
        arguments = (positions, step_limit, Candidates(*candidates))
        return arrays_of(evaluate_improved(network, loaded.params, loaded.model, *arguments))

    program.__name__ = name
    shapes = (jax.ShapeDtypeStruct((size, POSITION_SIZE), np.int8), jax.ShapeDtypeStruct((), np.int32))
    return jax.jit(program).lower(*shapes, *(() if loaded.model is None else candidates_of([], size)))


def _placed(loaded: "LoadedNetwork", device: jax.Device) -> "LoadedNetwork":
    params, of_model = jax.device_put((loaded.params, loaded.model and loaded.model.params), device)
    return loaded._replace(params=params, model=loaded.model and loaded.model._replace(params=of_model))


def _candidate_arrays(cells: Sequence[np.ndarray], size: int) -> Sequence[np.ndarray]:
    from engine.network.latent_model.policy_improvement import candidates_of

    return candidates_of(cells, size)
