"""Values the positions after the moves of one position, and improves a policy by these values."""

import dataclasses
import random
from collections.abc import Collection, Iterable, Mapping

import chess
import numpy as np

from engine.player.choice import choose_move, is_drawn_by_rule, position_after, ranked_moves
from engine.player.endgame_tables import Verdict
from engine.player.evaluator import Evaluation

_WIN, _DRAW, _LOSS = np.eye(3)
_NO_DRAWING = random.Random(0)  # at temperature 0 it is not consumed

# Bounds the log-odds of results that are certain.
_MARGIN = 1e-4
# Put on a move that the answer expected to it mates: no policy is so sure as to outweigh it.
_MATED = -1e3
# Of the successors' log-odds beside the policy's logits. Measured: either alone chooses worse than both together, and
# anything from 1 to 3 is about as good (docs/measurements.md).
_ODDS_WEIGHT = 1.5


class Successors:
    """Knows each successor by the rules, by endgame tables or by an evaluation, in this order of trust."""

    def __init__(self, board: chess.Board, verdicts: Mapping[chess.Move, Verdict]) -> None:
        """Begins with what rules and tables say.

        Args:
          board: the position, with its game in the move stack; it is not changed.
          verdicts: of endgame tables, on every legal move or on none.
        """
        self._board = board
        self._verdicts = verdicts
        self._after: dict[chess.Move, chess.Board] = {}
        self._evaluations: dict[chess.Move, Evaluation] = {}
        self._replies: dict[chess.Move, chess.Move] = {}
        self._decided: dict[chess.Move, np.ndarray | None] = {}

    def after(self, move: chess.Move) -> chess.Board:
        """Returns the position after a move."""
        if move not in self._after:
            self._after[move] = position_after(self._board, move)
        return self._after[move]

    def unevaluated(self, moves: Iterable[chess.Move]) -> list[chess.Move]:
        """Returns those of the moves whose successor can be evaluated, and is not yet."""
        return [move for move in moves if move not in self._evaluations and not self._is_over(move)]

    def add(self, evaluations: Mapping[chess.Move, Evaluation]) -> None:
        """Notes evaluations of successors."""
        self._evaluations.update(evaluations)
        for move in evaluations:
            self._decided.pop(move, None)  # the reply may mate

    def reply(self, move: chess.Move) -> chess.Move | None:
        """Returns the answer expected to a move: a mate, or else the most probable one; None if not evaluated."""
        evaluation = self._evaluations.get(move)
        if evaluation is not None and move not in self._replies:
            ranked = ranked_moves(evaluation)
            self._replies[move] = choose_move(self.after(move), evaluation, ranked, 0.0, _NO_DRAWING)
        return self._replies.get(move)

    def mate_in(self, move: chess.Move) -> int | None:
        """Returns 1 if a move mates, -1 if the answer expected to it does, or else None."""
        if self.after(move).is_checkmate():
            return 1
        reply = self.reply(move)
        return -1 if reply is not None and position_after(self.after(move), reply).is_checkmate() else None

    def decided(self, move: chess.Move) -> np.ndarray | None:
        """Returns `[3]` win, draw, loss for the mover where rules or tables give it, or None."""
        if move not in self._decided:
            self._decided[move] = self._decide(move)
        return self._decided[move]

    def _decide(self, move: chess.Move) -> np.ndarray | None:
        after = self.after(move)
        if after.is_checkmate():
            return _WIN
        if is_drawn_by_rule(after):
            return _DRAW
        if self.mate_in(move) == -1:
            return _LOSS
        verdict = self._verdicts.get(move)
        return None if verdict is None else np.array(verdict.wdl)

    def wdl(self, move: chess.Move) -> np.ndarray | None:
        """Returns `[3]` win, draw, loss for the side that makes the move, or None if nothing is known."""
        decided = self.decided(move)
        if decided is not None or move not in self._evaluations:
            return decided
        return self._evaluations[move].wdl_to_move[::-1]

    def values(self, moves: Iterable[chess.Move]) -> dict[chess.Move, np.ndarray]:
        """Returns `wdl` of those of the moves about which something is known."""
        return {move: wdl for move in moves if (wdl := self.wdl(move)) is not None}

    def _is_over(self, move: chess.Move) -> bool:
        after = self.after(move)
        return after.is_checkmate() or is_drawn_by_rule(after)


def lookahead_policy(evaluation: Evaluation, successors: Successors, moves: Collection[chess.Move]) -> Evaluation:
    """Returns the evaluation with its policy improved by the values of the successors.

    The new policy is pi(a) times a power of the odds of the score expected after a: the two err in different moves.

    Args:
      evaluation: of the position.
      successors: evaluated, or decided by rule, for all these moves.
      moves: some of the legal ones; the others get probability 0.
    """
    logits = np.full(len(evaluation.moves), -np.inf)
    for index, move in enumerate(evaluation.moves):
        wdl = successors.wdl(move) if move in moves else None
        if wdl is not None:
            score = np.clip(wdl[0] + 0.5 * wdl[1], _MARGIN, 1.0 - _MARGIN)
            logits[index] = evaluation.log_probs[index] + _ODDS_WEIGHT * np.log(score / (1.0 - score))
            logits[index] += _MATED * (successors.mate_in(move) == -1)
    shifted = logits - logits.max()
    return dataclasses.replace(evaluation, log_probs=shifted - np.log(np.exp(shifted).sum()))
