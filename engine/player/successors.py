"""Values the positions after the moves of one position."""

import random
from collections.abc import Iterable, Mapping

import chess
import numpy as np

from engine.player.choice import (
    choose_move,
    is_drawn_by_rule,
    position_after,
    ranked_moves,
)
from engine.player.endgame_tables import Verdict
from engine.player.evaluator import Evaluation
from engine.player.mate_in_one import mating_move

_WIN, _DRAW, _LOSS = np.eye(3)
_NO_DRAWING = random.Random(0)  # at temperature 0 it is not consumed


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
        self._allows_mate: dict[chess.Move, bool] = {}
        self._over: dict[chess.Move, bool] = {}

    def after(self, move: chess.Move) -> chess.Board:
        """Returns the position after a move."""
        if move not in self._after:
            self._after[move] = position_after(self._board, move)
        return self._after[move]

    @property
    def knows_all(self) -> bool:
        """Whether endgame tables know every move."""
        return bool(self._verdicts)

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
            self._replies[move] = choose_move(
                self.after(move), evaluation, ranked, 0.0, _NO_DRAWING, may_mate=self.allows_mate(move)
            )
        return self._replies.get(move)

    def mate_in(self, move: chess.Move) -> int | None:
        """Returns 1 if a move mates, -1 if the answer expected to it does, or else None."""
        if self.after(move).is_checkmate():
            return 1
        # An answer that mates is the expected one, wherever answers were looked at.
        looked_at = move in self._evaluations or move in self._allows_mate
        return -1 if looked_at and self.allows_mate(move) else None

    def allows_mate(self, move: chess.Move) -> bool:
        """Returns whether an answer to a move mates, by the rules."""
        if move not in self._allows_mate:
            after = self.after(move)
            self._allows_mate[move] = not self._is_over(move) and mating_move(after, after.legal_moves) is not None
            self._decided.pop(move, None)
        return self._allows_mate[move]

    def decided(self, move: chess.Move) -> np.ndarray | None:
        """Returns `[3]` win, draw, loss for the mover where rules or tables give it, or None."""
        if move not in self._decided:
            self._decided[move] = self._decide(move)
        return self._decided[move]

    def _decide(self, move: chess.Move) -> np.ndarray | None:
        after = self.after(move)
        if after.is_checkmate():
            return _WIN
        if self.draws(move):
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

    def score(self, move: chess.Move) -> float:
        """Returns the points in 0..1 that the side that makes the move expects, where `wdl` is known."""
        wdl = self.wdl(move)
        assert wdl is not None, f"neither evaluated nor decided: {move}"
        return float(wdl[0] + 0.5 * wdl[1])

    def values(self, moves: Iterable[chess.Move]) -> dict[chess.Move, np.ndarray]:
        """Returns `wdl` of those of the moves about which something is known."""
        return {move: wdl for move in moves if (wdl := self.wdl(move)) is not None}

    def draws(self, move: chess.Move) -> bool:
        """Returns whether a move draws on the spot, by the rules."""
        return is_drawn_by_rule(self.after(move))

    def _is_over(self, move: chess.Move) -> bool:
        if move not in self._over:
            self._over[move] = self.after(move).is_checkmate() or self.draws(move)
        return self._over[move]
