"""The rule of `lookahead`, move by move in plain Python: every successor is valued alone, compared or not."""

import math
import random
from collections.abc import Callable

import chess
import numpy as np

from engine.player.choice import choose_move
from engine.player.evaluator import Evaluation

_LOST = 1e-300  # in place of 0, whose logarithm is infinite

Evaluate = Callable[[chess.Board], Evaluation]


def lookahead_by_hand(
    board: chess.Board, evaluate: Evaluate, most: int, least_ratio: float
) -> tuple[chess.Move, dict[chess.Move, float], set[chess.Move]]:
    """Returns the move, the probability of every move after the comparison, and the moves whose successor mattered.

    Args:
      board: with its game in the move stack.
      evaluate: values one position.
      most: moves compared at most.
      least_ratio: of a probability to the highest one.
    """
    root = evaluate(board)
    before = {move: math.exp(log_prob) for move, log_prob in zip(root.moves, root.log_probs, strict=True)}
    order = sorted(root.moves, key=lambda move: (-before[move], move.uci()))
    after = dict(before)
    if any(_after(board, move).is_checkmate() for move in order):
        return _choose(board, root, before), before, set()
    safe = [move for move in order if not _is_mated_next(_after(board, move))]
    compared = [move for move in safe[:most] if before[move] / before[safe[0]] >= least_ratio]
    last = len(order) if len(compared) < most else order.index(compared[-1])
    for move in order[:last]:
        if move not in safe and (not safe or before[move] / before[safe[0]] >= least_ratio):
            after[move] *= _LOST
    evaluated = [move for move in compared if not _is_drawn(_after(board, move))] if len(compared) > 1 else []
    if len(compared) > 1:
        score = {move: _score(_after(board, move), evaluate) for move in order}
        weight = {move: before[move] * _odds(score[move]) ** 1.5 for move in order}
        factor = sum(before[move] for move in compared) / sum(weight[move] for move in compared)
        for move in compared:
            after[move] = weight[move] * factor
        if all(score[move] < 0.5 for move in compared):
            for move in set(order) - set(compared):
                if _is_drawn(_after(board, move)):
                    after[move] = before[move] * factor
    total = sum(after.values())
    after = {move: probability / total for move, probability in after.items()}
    return _choose(board, root, after), after, set(evaluated)


def _choose(board: chess.Board, root: Evaluation, probability: dict[chess.Move, float]) -> chess.Move:
    order = sorted(root.moves, key=lambda move: (-probability[move], move.uci()))
    log_probs = np.log([max(probability[move], _LOST) for move in root.moves])
    policy = Evaluation(root.moves, log_probs, root.wdl_to_move, root.steps, root.residual, root.converged)
    return choose_move(board, policy, order, 0.0, random.Random(0))


def _after(board: chess.Board, move: chess.Move) -> chess.Board:
    after = board.copy()
    after.push(move)
    return after


def _score(after: chess.Board, evaluate: Evaluate) -> float:
    """Returns the points expected by the side that has just moved."""
    if _is_drawn(after):
        return 0.5
    if _is_mated_next(after):
        return 0.0
    win, draw, _ = evaluate(after).wdl_to_move[::-1]
    return float(win + draw / 2)


def _odds(score: float) -> float:
    bounded = min(max(score, 1e-4), 1 - 1e-4)
    return bounded / (1 - bounded)


def _is_mated_next(after: chess.Board) -> bool:
    return not _is_drawn(after) and any(_mates(after, reply) for reply in after.legal_moves)


def _mates(board: chess.Board, move: chess.Move) -> bool:
    board.push(move)
    is_mate = board.is_checkmate()
    board.pop()
    return is_mate


def _is_drawn(after: chess.Board) -> bool:
    return not after.is_checkmate() and (
        after.is_stalemate()
        or after.is_insufficient_material()
        or after.halfmove_clock >= 100
        or after.is_repetition(3)
    )
