"""Asks a player or a network for one move in each of many independent positions."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import chess
import numpy as np

from engine.player.evaluator import Evaluator
from training.evaluation.engines.match_player import MatchPlayer
from training.evaluation.failures import EvaluationError, MoveFailure

# One legal move for each board, in order; every board has a legal move and is left unchanged.
MoveChooser = Callable[[Sequence[chess.Board]], list[chess.Move]]

ItemT = TypeVar("ItemT")


def player_chooser(player: MatchPlayer) -> MoveChooser:
    """Returns a chooser that asks a player board by board, all within one game.

    The chooser raises EvaluationError when the player fails: a figure over the positions that went
    well would flatter it.
    """
    player.start_game(1)

    def choose(boards: Sequence[chess.Board]) -> list[chess.Move]:
        return [_choose_one(player, board) for board in boards]

    return choose


def evaluator_chooser(evaluator: Evaluator) -> MoveChooser:
    """Returns a chooser of the most likely move; among equals the first by UCI text."""

    def choose(boards: Sequence[chess.Board]) -> list[chess.Move]:
        evaluations = evaluator.evaluate(boards)
        return [e.moves[int(np.argmax(e.log_probs))] for e in evaluations]

    return choose


def load_evaluator(weights_folder: Path) -> Evaluator:
    """Loads a weights folder for evaluation in this process.

    Raises:
      EvaluationError: the folder cannot be loaded.
    """
    # Imported here: JAX takes seconds to load, and UCI engines do not need it.
    from engine.player.network_evaluator import load_network_evaluator

    try:
        return load_network_evaluator(weights_folder)
    except ValueError as error:  # CheckpointError and ConfigError are one-line user errors.
        raise EvaluationError(str(error)) from error


def in_batches(items: Sequence[ItemT], batch_size: int) -> Iterator[Sequence[ItemT]]:
    """Yields consecutive batches; the last may be smaller."""
    for start in range(0, len(items), batch_size):
        yield items[start : start + batch_size]


def _choose_one(player: MatchPlayer, board: chess.Board) -> chess.Move:
    try:
        return player.choose_move(board).move
    except MoveFailure as failure:
        raise EvaluationError(
            f"expected a legal move from {player.name} in {board.fen()}, got {failure.kind}: {failure}"
        ) from failure
