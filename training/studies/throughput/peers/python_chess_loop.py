"""Plays self-play games the simple way: one at a time with python-chess, each move drawn from a network's policy."""

from collections.abc import Callable
from typing import NamedTuple

import chess
import numpy as np

from engine.encoding.move_labels import legal_moves_and_cells
from engine.encoding.position import encode_position
from engine.player.evaluator import Evaluator
from training.studies.throughput.peers.peer_networks import Weights, perceptron

_LONGEST_GAME = 512  # plies, as in Pgx

# Maps a board with legal moves and its encoding, int8 [P], to the moves and their probabilities.
Policy = Callable[[chess.Board, np.ndarray], tuple[list[chess.Move], np.ndarray]]


class Recorded(NamedTuple):
    """Holds the record of one move."""

    position: np.ndarray  # int8 [P], before it
    move: chess.Move
    probability: float  # with which it was drawn
    reward: float  # of the player who made it, 0 or 1
    is_terminal: bool


class PythonChessLoop:
    """Plays games one after another, continuing the current one from call to call.

    Attributes:
      games: number of finished games.

    Args:
      policy: plays both sides.
      seed: of the draws.
    """

    def __init__(self, policy: Policy, seed: int = 0) -> None:
        self.games = 0
        self._policy, self._draws, self._board = policy, np.random.default_rng(seed), chess.Board()

    def play(self, moves: int) -> list[Recorded]:
        """Makes that many moves; a game that ends is followed by the next one."""
        return [self._move() for _ in range(moves)]

    def _move(self) -> Recorded:
        board = self._board
        position = encode_position(board)
        moves, probabilities = self._policy(board, position)
        number = int(self._draws.choice(len(moves), p=probabilities))
        board.push(moves[number])
        outcome = board.outcome()
        ended = outcome is not None or len(board.move_stack) >= _LONGEST_GAME
        reward = 1.0 if outcome is not None and outcome.winner is not None else 0.0
        if ended:
            self.games, self._board = self.games + 1, chess.Board()
        return Recorded(position, moves[number], float(probabilities[number]), reward, ended)


def perceptron_policy(weights: Weights) -> Policy:
    """Returns the policy of a network in NumPy."""

    def policy(board: chess.Board, position: np.ndarray) -> tuple[list[chess.Move], np.ndarray]:
        moves, cells = legal_moves_and_cells(board)
        logits, _ = perceptron(weights, position)
        return moves, _softmax(logits[cells])

    return policy


def evaluator_policy(evaluator: Evaluator) -> Policy:
    """Returns the policy of the engine's evaluator, one position at a time."""

    def policy(board: chess.Board, position: np.ndarray) -> tuple[list[chess.Move], np.ndarray]:
        del position  # the evaluator encodes the board itself
        (evaluation,) = evaluator.evaluate([board])
        return list(evaluation.moves), _softmax(evaluation.log_probs)

    return policy


def _softmax(logits: np.ndarray) -> np.ndarray:
    weights = np.exp(logits.astype(np.float64) - logits.max())
    return weights / weights.sum()
