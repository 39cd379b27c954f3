"""Evaluates boards with a network: policy over the legal moves and result, for any number of boards."""

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import chess
import numpy as np

from engine.checkpoint import load_network, read_network_facts
from engine.encoding.move_labels import legal_moves_and_cells
from engine.network.cores.core_configs import DeqConfig
from engine.player.backend import Backend, device_of
from engine.player.evaluator import BATCH, Evaluation, encode_boards, log_softmax
from engine.player.network_programs import NetworkPrograms, Outputs, kept_programs, programs_of
from engine.player.program_store import open_program_store

if TYPE_CHECKING:  # Flax comes with it
    from engine.checkpoint import LoadedNetwork
    from engine.network.network_config import NetworkConfig


class NoModelError(ValueError):
    """Reports that a network has no latent model to improve its policy; the text is one line."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class NetworkEvaluator:
    """Evaluates boards with the programs of a network: alone (every move of a game), or in batches."""

    programs: NetworkPrograms
    config: "NetworkConfig"
    sha256: str  # of configuration and weights
    step_limit: int  # on the iterations
    has_model: bool = False  # whether the network comes with a latent model
    improves: bool = False  # whether policies are improved by one step of it

    @property
    def batch(self) -> int:
        """Boards that it takes in one go."""
        return self.programs.batch

    def with_step_limit(self, steps: int) -> "NetworkEvaluator":
        """Returns an evaluator of the same network and programs that makes at most so many iterations.

        Args:
          steps: 1..MOST_STEPS, or 0 for the network's own limit.

        Raises:
          StepLimitError: the network's core cannot make so many.
        """
        if not steps:
            return dataclasses.replace(self, step_limit=self.config.own_steps)
        from engine.network.cores.core_registry import check_step_limit

        check_step_limit(self.config, steps)
        return dataclasses.replace(self, step_limit=steps)

    def expect_pairs(self) -> None:
        """Begins to make pairs of boards quicker than one after the other, if that is possible; does not block."""
        self.programs.prepare_pair_in_background()

    def with_improved_policy(self) -> "NetworkEvaluator":
        """Returns an evaluator of the same programs whose policies are improved by one step of the latent model.

        Raises:
          NoModelError: the network came without one.
        """
        if not self.has_model:
            raise NoModelError(
                "expected a network with a latent model for MoveSelection cmpo, got one without (allowed: policy, "
                "lookahead; recursezero fit-model and recursezero export of self-play write it beside the network)"
            )
        return dataclasses.replace(self, improves=True)

    def evaluate(self, boards: Sequence[chess.Board]) -> list[Evaluation]:
        """Returns one evaluation per board, in order; see `Evaluator`. Boards have at most 16 pieces a side."""
        return self.evaluate_encoded(boards, encode_boards(boards))

    def evaluate_encoded(self, boards: Sequence[chess.Board], positions: np.ndarray) -> list[Evaluation]:
        """Returns one evaluation per board, in order; see `EncodedEvaluator`."""
        evaluations: list[Evaluation] = []
        for start in range(0, len(boards), self.batch):
            chunk = slice(start, start + self.batch)
            evaluations += self._evaluate_chunk(boards[chunk], positions[chunk])
        return evaluations

    def _evaluate_chunk(self, boards: Sequence[chess.Board], positions: np.ndarray) -> list[Evaluation]:
        moves_and_cells = [legal_moves_and_cells(board) for board in boards]
        candidates = None
        if self.has_model:
            candidates = [cells if self.improves else cells[:0] for _, cells in moves_and_cells]
        runs = self.programs.run(positions, self.step_limit, candidates)
        rows = [(output, row) for output in runs for row in range(len(output.steps))]
        return [
            self._evaluation(moves, cells, output, row)
            for (moves, cells), (output, row) in zip(moves_and_cells, rows, strict=False)
        ]

    def _evaluation(self, moves: list[chess.Move], cells: np.ndarray, output: Outputs, row: int) -> Evaluation:
        return Evaluation(
            moves=tuple(moves),
            log_probs=log_softmax(np.asarray(output.policy_logits[row])[cells]),
            wdl_to_move=np.exp(log_softmax(np.asarray(output.wdl_logits[row]))),
            steps=int(output.steps[row]),
            residual=float(output.residual[row]),
            converged=bool(output.converged[row]) if self._can_converge() else None,
        )

    def _can_converge(self) -> bool:
        """Returns whether a small residual can end the iteration before its limit."""
        core = self.config.core
        return isinstance(core, DeqConfig) and core.gradient.kind != "unroll" and self.step_limit > 1


def evaluator_of(loaded: "LoadedNetwork", tolerance: float = 0.0, batch: int = BATCH) -> NetworkEvaluator:
    """Returns the evaluator of a network in memory; it compiles when it is first used.

    Args:
      loaded: network and parameters.
      tolerance: of the solver, 0 for the network's own.
      batch: boards in a batch.
    """
    config = loaded.network.config
    return NetworkEvaluator(
        programs=programs_of(loaded, tolerance, batch),
        config=config,
        sha256=loaded.sha256,
        step_limit=config.own_steps,
        has_model=loaded.model is not None,
    )


def load_network_evaluator(
    folder: Path, backend: Backend = "auto", tolerance: float = 0.0, in_background: bool = False
) -> NetworkEvaluator:
    """Loads a network's folder and makes it ready for one board.

    Args:
      folder: of the network.
      backend: what to compute with.
      tolerance: of the solver, 0 for the network's own.
      in_background: makes the program for batches at once, while boards are evaluated one by one. Otherwise it is made
        when it is first needed, so that results do not depend on when that is.

    Raises:
      CheckpointError: the folder is not a network that this version can play.
      BackendError: there is no such backend.
    """
    device = device_of(backend)
    network = read_network_facts(folder)
    programs = kept_programs(
        functools.partial(load_network, folder),
        network.sha256,
        network.model is not None,
        device,
        tolerance,
        open_program_store(),
    )
    programs.prepare(1)
    if in_background:
        programs.prepare_batch_in_background()
    return NetworkEvaluator(
        programs=programs,
        config=network.config,
        sha256=network.sha256,
        step_limit=network.config.own_steps,
        has_model=network.model is not None,
    )
