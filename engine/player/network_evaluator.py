"""The evaluator that is a network: boards in, policy and result out, a batch at a time."""

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
from engine.network.model import NetworkOutput, evaluate
from engine.player.evaluator import Evaluation

# Compiled programs: one position (every move of a game), and this many (MultiPV, analysis of many positions).
_BATCH = 64


class NetworkEvaluator:
    """Evaluates boards with a loaded network.

    Args:
      loaded: network and parameters.
    """

    def __init__(self, loaded: LoadedNetwork) -> None:
        self.sha256 = loaded.sha256
        self._apply = jax.jit(functools.partial(evaluate, loaded.network, loaded.params))

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
        for start in range(0, len(boards), _BATCH):
            chunk = boards[start : start + _BATCH]
            output = self._outputs(positions[start : start + _BATCH])
            evaluations += [_evaluation(board, output, row) for row, board in enumerate(chunk)]
        return evaluations

    def _outputs(self, positions: np.ndarray) -> NetworkOutput:
        """Returns the outputs as NumPy arrays; rows beyond the positions are padding."""
        size = 1 if len(positions) == 1 else _BATCH
        padding = np.repeat(positions[:1], size - len(positions), axis=0)
        return jax.device_get(self._apply(np.concatenate([positions, padding])))


def _evaluation(board: chess.Board, output: NetworkOutput, row: int) -> Evaluation:
    moves, cells = legal_moves_and_cells(board)
    return Evaluation(
        moves=tuple(moves),
        log_probs=_log_softmax(np.asarray(output.policy_logits[row])[cells]),
        wdl_to_move=np.exp(_log_softmax(np.asarray(output.wdl_logits[row]))),
        steps=int(output.stats.steps[row]),
        residual=float(output.stats.residual[row]),
        converged=bool(output.stats.converged[row]),
    )


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max()
    return shifted - np.log(np.sum(np.exp(shifted)))


def load_network_evaluator(folder: Path) -> NetworkEvaluator:
    """Loads a network's folder and compiles it.

    Raises:
      CheckpointError: the folder is not a network that this version can play.
    """
    _use_compilation_cache()
    evaluator = NetworkEvaluator(load_network(folder))
    evaluator.warm_up()
    return evaluator


def _use_compilation_cache() -> None:
    """Keeps compiled programs in the user's cache folder, unless JAX was told otherwise."""
    if jax.config.values["jax_compilation_cache_dir"] is not None:
        return
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    jax.config.update("jax_compilation_cache_dir", str(caches / "recursezero" / "xla"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
