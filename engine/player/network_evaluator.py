"""The evaluator that is a network: boards in, policy and result out, a batch at a time."""

import copy
import dataclasses
import functools
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import chess
import jax
import numpy as np

from engine.checkpoint import LoadedNetwork, load_network
from engine.encoding.move_labels import legal_moves_and_cells
from engine.encoding.position import encode_position
from engine.network.cores.core_configs import DeqConfig
from engine.network.cores.core_registry import check_step_limit
from engine.network.latent_model.policy_improvement import candidates_of, evaluate_improved
from engine.network.model import Network, NetworkOutput, evaluate
from engine.player.backend import MOST_STEPS, Backend, device_of
from engine.player.evaluator import BATCH, Evaluation, log_softmax

# Boards in a batch on an accelerator, which hardly takes longer for so many than for one.
_ACCELERATOR_BATCH = 64


class NoModelError(ValueError):
    """The policy of a network without a latent model cannot be improved; the text is one line."""


class NetworkEvaluator:
    """Evaluates boards with a loaded network: alone (every move of a game), or in batches.

    Args:
      loaded: network and parameters.
      tolerance: of the solver, 0 for the network's own.
      batch: boards in a batch.
    """

    def __init__(self, loaded: LoadedNetwork, tolerance: float = 0.0, batch: int = BATCH) -> None:
        self.sha256, self.batch = loaded.sha256, batch
        config = loaded.network.config
        self._config = config
        self._step_limit = config.own_steps
        core = config.core.with_tolerance(tolerance) if tolerance else config.core
        network = Network(dataclasses.replace(config, core=core), loaded.network.product, MOST_STEPS)
        self._has_model, self._improves = loaded.model is not None, False
        if loaded.model is None:
            self._program = jax.jit(functools.partial(evaluate, network, loaded.params))
        else:
            self._program = jax.jit(functools.partial(evaluate_improved, network, loaded.params, loaded.model))

    def with_step_limit(self, steps: int) -> "NetworkEvaluator":
        """Returns an evaluator of the same network and programs that iterates at most so often.

        Args:
          steps: 1..MOST_STEPS, or 0 for the network's own limit.

        Raises:
          StepLimitError: the network's core cannot make so many.
        """
        if steps:
            check_step_limit(self._config, steps)
        limited = copy.copy(self)
        limited._step_limit = steps or self._config.own_steps
        return limited

    def with_improved_policy(self) -> "NetworkEvaluator":
        """Returns an evaluator of the same programs whose policies are improved by one step of the latent model.

        Raises:
          NoModelError: the network came without one.
        """
        if not self._has_model:
            raise NoModelError(
                "expected a network with a latent model for MoveSelection cmpo, got one without (allowed: policy, "
                "lookahead; recursezero fit-model and recursezero export of self-play write it beside the network)"
            )
        improving = copy.copy(self)
        improving._improves = True
        return improving

    def warm_up(self) -> None:
        """Compiles both programs side by side, or fetches them from the compilation cache."""
        start = chess.Board()
        with ThreadPoolExecutor(max_workers=2) as pool:
            for result in (pool.submit(self.evaluate, [start]), pool.submit(self.evaluate, [start] * 2)):
                result.result()

    def evaluate(self, boards: Sequence[chess.Board]) -> list[Evaluation]:
        """Returns one evaluation per board, in order.

        Args:
          boards: each with at least one legal move and at most 16 men a side.
        """
        positions = np.stack([encode_position(board) for board in boards]) if boards else np.zeros((0, 67), np.int8)
        evaluations: list[Evaluation] = []
        for start in range(0, len(boards), self.batch):
            chunk = boards[start : start + self.batch]
            moves_and_cells = [legal_moves_and_cells(board) for board in chunk]
            output = self._outputs(positions[start : start + self.batch], [cells for _, cells in moves_and_cells])
            rows = enumerate(moves_and_cells)
            evaluations += [self._evaluation(moves, cells, output, row) for row, (moves, cells) in rows]
        return evaluations

    def _outputs(self, positions: np.ndarray, cells: Sequence[np.ndarray]) -> NetworkOutput:
        """Returns the outputs as NumPy arrays; rows beyond the positions are padding."""
        size = 1 if len(positions) == 1 else self.batch
        padding = np.repeat(positions[:1], size - len(positions), axis=0)
        return jax.device_get(self._apply(np.concatenate([positions, padding]), cells))

    def _apply(self, positions: np.ndarray, cells: Sequence[np.ndarray]) -> NetworkOutput:
        limit = np.int32(self._step_limit)
        if not self._has_model:
            return self._program(positions, limit)
        return self._program(positions, limit, candidates_of(cells if self._improves else [], len(positions)))

    def _evaluation(self, moves: list[chess.Move], cells: np.ndarray, output: NetworkOutput, row: int) -> Evaluation:
        return Evaluation(
            moves=tuple(moves),
            log_probs=log_softmax(np.asarray(output.policy_logits[row])[cells]),
            wdl_to_move=np.exp(log_softmax(np.asarray(output.wdl_logits[row]))),
            steps=int(output.stats.steps[row]),
            residual=float(output.stats.residual[row]),
            converged=bool(output.stats.converged[row]) if self._can_converge() else None,
        )

    def _can_converge(self) -> bool:
        """Returns whether a small residual can end the iteration before its limit."""
        core = self._config.core
        return isinstance(core, DeqConfig) and core.gradient.kind != "unroll" and self._step_limit > 1


def load_network_evaluator(folder: Path, backend: Backend = "auto", tolerance: float = 0.0) -> NetworkEvaluator:
    """Loads a network's folder and compiles it.

    Args:
      folder: of the network.
      backend: what to compute with.
      tolerance: of the solver, 0 for the network's own.

    Raises:
      CheckpointError: the folder is not a network that this version can play.
      BackendError: there is no such backend.
    """
    _use_compilation_cache()
    device = device_of(backend)
    loaded = load_network(folder)
    placed = jax.device_put((loaded.params, loaded.model and loaded.model.params), device)
    model = loaded.model and loaded.model._replace(params=placed[1])
    batch = BATCH if device.platform == "cpu" else _ACCELERATOR_BATCH
    evaluator = NetworkEvaluator(loaded._replace(params=placed[0], model=model), tolerance, batch)
    evaluator.warm_up()
    return evaluator


def _use_compilation_cache() -> None:
    """Keeps compiled programs in the user's cache folder, if there is one, unless JAX was told otherwise."""
    if jax.config.values["jax_compilation_cache_dir"] is not None:
        return
    caches = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    if not os.path.isabs(caches):
        return
    jax.config.update("jax_compilation_cache_dir", os.path.join(caches, "recursezero", "xla"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
