"""A player that does not search: one evaluation per move, then the rules of `choice`.

What is computed for one move:
  * the network's evaluation of the position (one node), always;
  * for every legal move, by the rules of chess alone, whether it mates and, when winning, whether
    it draws on the spot;
  * only when asked for several lines or for the expected reply, and only if time allows: one more
    batched evaluation, of the positions after the moves shown. It gives these lines their scores
    and replies. It never changes the move.
"""

import math
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

import chess
import numpy as np

from engine.player.choice import choose_move, is_drawn_by_rule, position_after, ranked_moves
from engine.player.evaluator import Evaluation, Evaluator


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is wanted for one position."""

    allowed: frozenset[chess.Move] = frozenset()  # moves to choose from; empty: every legal move
    lines: int = 1  # moves to show, at least 1
    temperature: float = 0.0  # 0: the most probable move
    want_reply: bool = False  # whether to evaluate the answer expected to the move
    budget_s: float = math.inf  # optional evaluations are left out rather than exceed it


@dataclass(frozen=True, kw_only=True, eq=False)
class Line:
    """One move of the side to move, and what is expected after it."""

    move: chess.Move
    probability: float  # of the policy, 0..1
    wdl_to_move: np.ndarray  # [3] win, draw, loss of the side that makes the move
    mates: bool  # whether the move mates at once
    reply: chess.Move | None  # the opponent's most probable answer, if it was evaluated

    @property
    def expected_score_to_move(self) -> float:
        """Points expected by the side that makes the move, in 0..1."""
        return float(self.wdl_to_move[0] + 0.5 * self.wdl_to_move[1])


@dataclass(frozen=True, kw_only=True, eq=False)
class Thought:
    """The lines, the first of which begins with the move to play, and what they rest on."""

    lines: tuple[Line, ...]
    evaluation: Evaluation
    nodes: int  # positions evaluated, counting those an evaluation cache remembered

    @property
    def move(self) -> chess.Move:
        """The move to play."""
        return self.lines[0].move


class Player:
    """Chooses moves with an evaluator. Not for use by several threads at once."""

    def __init__(self, evaluator: Evaluator, seed: int | None = None) -> None:
        self._evaluator = evaluator
        self._rng = random.Random(seed)
        self._slowest_s_per_board = 0.0

    def new_game(self, seed: int | None = None) -> None:
        """Restarts the random numbers, from fresh entropy if the seed is None."""
        self._rng = random.Random(seed)

    def think(self, board: chess.Board, request: Request | None = None) -> Thought:
        """Chooses a move.

        Args:
          board: a position with at least one legal move and its game in the move stack; it is
            left as it was.
          request: what is wanted; by default the most probable move and one line.
        """
        request = Request() if request is None else request
        started_s = time.monotonic()
        evaluation = self._evaluate([board])[0]
        ranked = ranked_moves(evaluation, request.allowed)
        chosen = choose_move(board, evaluation, ranked, request.temperature, self._rng)
        shown = [chosen, *(move for move in ranked if move != chosen)][: max(1, request.lines)]
        left_s = request.budget_s - (time.monotonic() - started_s)
        asked = len(shown) > 1 or request.want_reply
        if self._slowest_s_per_board * len(shown) > left_s:
            shown, asked = [chosen], False
        after = {move: position_after(board, move) for move in shown}
        open_moves = [move for move in shown if asked and not _is_over(after[move])]
        successors = dict(zip(open_moves, self._evaluate([after[move] for move in open_moves]), strict=True))
        # Lines are compared with each other, so all of them take their score from the successor;
        # a single line keeps the root's, whether or not its reply is wanted.
        scored = successors if len(shown) > 1 else {}
        lines = tuple(
            Line(
                move=move,
                probability=_probability(evaluation, move),
                wdl_to_move=_wdl_of_line(after[move], scored.get(move), evaluation),
                mates=after[move].is_checkmate(),
                reply=ranked_moves(successors[move])[0] if move in successors else None,
            )
            for move in shown
        )
        return Thought(lines=lines, evaluation=evaluation, nodes=1 + len(open_moves))

    def _evaluate(self, boards: Sequence[chess.Board]) -> list[Evaluation]:
        if not boards:
            return []
        started_s = time.monotonic()
        evaluations = self._evaluator.evaluate(boards)
        s_per_board = (time.monotonic() - started_s) / len(boards)
        self._slowest_s_per_board = max(self._slowest_s_per_board, s_per_board)
        return evaluations


def _wdl_of_line(after: chess.Board, successor: Evaluation | None, root: Evaluation) -> np.ndarray:
    """Returns `[3]` win, draw, loss for the side that made the last move of `after`."""
    if after.is_checkmate():
        return np.array([1.0, 0.0, 0.0])
    if is_drawn_by_rule(after):
        return np.array([0.0, 1.0, 0.0])
    if successor is not None:
        return successor.wdl_to_move[::-1]
    return root.wdl_to_move


def _is_over(board: chess.Board) -> bool:
    return board.is_checkmate() or is_drawn_by_rule(board)


def _probability(evaluation: Evaluation, move: chess.Move) -> float:
    return math.exp(float(evaluation.log_probs[evaluation.moves.index(move)]))
