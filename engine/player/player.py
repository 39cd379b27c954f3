"""Chooses a move without searching: one evaluation, then the rules of `choice`.

What is computed for one move:
  * the network's evaluation of the position (one node), always;
  * for every legal move, by the rules of chess alone, whether it mates and, when winning, whether
    it draws on the spot; and what the opening book and the endgame tables say, if there are any;
  * only when asked for several lines, for every move's value or for the expected reply, and only
    if time allows: evaluations of the positions after the moves, which give lines their scores and
    replies;
  * with the selection `lookahead`, if time allows: evaluations of the positions after the few moves
    that are about as probable as the best one. Nothing else that is evaluated changes the move.
"""

import dataclasses
import itertools
import math
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import chess
import numpy as np

from engine.player.choice import (
    LOOKAHEAD_MOVES,
    LOOKAHEAD_RATIO,
    MoveSelection,
    choose_move,
    is_drawn_by_rule,
    ranked_moves,
)
from engine.player.endgame_tables import EndgameTables, best_by_tables
from engine.player.evaluator import BATCH, Evaluation, Evaluator
from engine.player.mate_in_one import mating_move
from engine.player.move_comparison import Comparison, close_moves, lookahead_policy
from engine.player.polyglot_book import PolyglotBook
from engine.player.response_time import ResponseTime
from engine.player.successors import Successors


@dataclass(frozen=True, kw_only=True)
class Request:
    """Says what to find out about one position, and how to choose."""

    allowed: frozenset[chess.Move] = frozenset()  # moves to choose from; empty: every legal move
    lines: int = 1  # moves to show, at least 1
    selection: MoveSelection = "policy"
    compared_moves: int = LOOKAHEAD_MOVES  # by `lookahead`, at most
    compared_ratio: float = LOOKAHEAD_RATIO  # of a move's probability to the best one's, for it to be compared
    temperature: float = 0.0  # 0: the best move
    least_ratio: float = 0.0  # of a move's probability to the best one's, for it to be drawn
    guard: bool = True  # whether moves that draw on the spot are avoided when winning
    want_reply: bool = False  # whether to evaluate the answer expected to the move
    want_values: bool = False  # whether to evaluate the position after every move
    budget_s: float = math.inf  # optional evaluations are left out rather than exceed it
    book: PolyglotBook | None = None
    tables: EndgameTables | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Line:
    """Holds one move of the side to move, and what is expected after it."""

    move: chess.Move
    wdl_to_move: np.ndarray  # [3] win, draw, loss of the side that makes the move
    mate_in: int | None  # 1: the move mates, -1: the reply does
    reply: chess.Move | None  # the opponent's expected answer, if it was evaluated

    @property
    def pv(self) -> list[chess.Move]:
        """The move and, if it is known, the reply."""
        return [self.move] if self.reply is None else [self.move, self.reply]

    @property
    def expected_score_to_move(self) -> float:
        """Points expected by the side that makes the move, in 0..1."""
        return float(self.wdl_to_move[0] + 0.5 * self.wdl_to_move[1])


@dataclass(frozen=True, kw_only=True, eq=False)
class Thought:
    """Holds the lines, the first of which begins with the move to play, and what they rest on."""

    lines: tuple[Line, ...]
    evaluation: Evaluation
    wdl_after: Mapping[chess.Move, np.ndarray]  # [3] for the mover, of each move whose value is known, if asked for
    comparison: Comparison | None  # of `lookahead`; None with another selection
    nodes: int  # positions evaluated, counting those an evaluation cache remembered
    tablebase_hits: int  # moves that endgame tables judged

    @property
    def move(self) -> chess.Move:
        """The move to play."""
        return self.lines[0].move


class Player:
    """Chooses moves with an evaluator. Not for use by several threads at once.

    Args:
      evaluator: of the network.
      seed: of the random numbers; fresh entropy if it is None.
      batch: boards that the evaluator takes in one go.
    """

    def __init__(self, evaluator: Evaluator, seed: int | None = None, batch: int = BATCH) -> None:
        self._evaluator = evaluator
        self._rng = random.Random(seed)
        self._response_time = ResponseTime(batch)

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
        deadline_s = time.monotonic() + request.budget_s
        if request.book is not None:
            book_move = request.book.choose(board, request.allowed, self._rng)
            if book_move is not None:
                request = dataclasses.replace(request, allowed=frozenset([book_move]))
        evaluation = self._evaluate([board])[0]
        verdicts = request.tables.verdicts(board) if request.tables is not None else {}
        successors = Successors(board, verdicts)
        nodes = 1
        ranked = ranked_moves(evaluation, request.allowed)
        policy, comparison = evaluation, None
        if request.selection == "lookahead":
            comparison = self._compare(board, evaluation, successors, ranked, request, deadline_s)
            policy, nodes = comparison.policy, nodes + comparison.nodes
            ranked = ranked_moves(policy, ranked)
        if request.want_values:
            nodes += self._look(successors, evaluation.moves, deadline_s)
        best = best_by_tables(ranked, verdicts)
        compared = comparison is not None and bool(comparison.moves)
        chosen = choose_move(
            board,
            policy,
            best,
            request.temperature,
            self._rng,
            guard=request.guard,
            least_ratio=request.least_ratio,
            may_mate=not compared,  # where a move mates, none are compared
        )
        shown = [chosen, *(move for move in ranked if move != chosen)][: max(1, request.lines)]
        if len(shown) > 1 or request.want_reply:
            nodes += self._look(successors, shown, deadline_s)
        if len(shown) > 1:
            nodes += self._look_singly(successors, shown, deadline_s)
        # Lines are compared with each other, so each has a value, or else there is only the first.
        shown = list(itertools.takewhile(lambda move: successors.wdl(move) is not None, shown)) or [chosen]
        # A single line keeps the root's value unless the move was chosen by the successors'.
        by_successor = len(shown) > 1 or compared
        return Thought(
            lines=tuple(_line(move, evaluation, successors, by_successor) for move in shown),
            evaluation=evaluation,
            wdl_after=successors.values(evaluation.moves) if request.want_values else {},
            comparison=comparison,
            nodes=nodes,
            tablebase_hits=len(verdicts),
        )

    def expected_move(self, board: chess.Board, deadline_s: float = math.inf) -> chess.Move | None:
        """Returns the move that the network expects, from one evaluation, or None if the game is over or time is short.

        Args:
          board: the position, with its game in the move stack; it is left as it was.
          deadline_s: on the monotonic clock.
        """
        is_over = is_drawn_by_rule(board) or not any(board.legal_moves)
        if is_over or self._response_time.predicted_s(1) > deadline_s - time.monotonic():
            return None
        evaluation = self._evaluate([board])[0]
        return choose_move(board, evaluation, ranked_moves(evaluation), 0.0, self._rng)

    def _compare(
        self,
        board: chess.Board,
        evaluation: Evaluation,
        successors: Successors,
        ranked: Sequence[chess.Move],
        request: Request,
        deadline_s: float,
    ) -> Comparison:
        """Compares the moves whose comparison can change the choice, if there are such and time is left."""
        if successors.knows_all:
            return Comparison(policy=evaluation, reason="endgame tables know the moves")
        if mating_move(board, ranked) is not None:
            return Comparison(policy=evaluation, reason="a move mates")
        close, mated = close_moves(evaluation, successors, ranked, request.compared_moves, request.compared_ratio)
        without = Comparison(policy=lookahead_policy(evaluation, successors, (), mated=mated), mated=tuple(mated))
        reason = _reason_to_compare_nothing(evaluation, ranked, close, mated)
        if reason:
            return dataclasses.replace(without, reason=reason)
        nodes = self._look_at_all(successors, close, deadline_s)
        left = successors.unevaluated(close)
        if left:
            return dataclasses.replace(without, nodes=nodes, reason=f"no time for {len(left)} evaluations")
        scores = tuple(successors.score(move) for move in close)
        # A draw is better only than moves that lose; and setting up every position takes its time.
        others = [move for move in ranked if move not in close and move not in mated] if max(scores) < 0.5 else []
        draws = [move for move in others if successors.draws(move)]
        policy = lookahead_policy(evaluation, successors, close, draws, mated)
        return Comparison(policy=policy, moves=tuple(close), scores=scores, mated=tuple(mated), nodes=nodes)

    def _look_at_all(self, successors: Successors, moves: Sequence[chess.Move], deadline_s: float) -> int:
        """Evaluates the successors of all the moves, together or else one by one; none if there is no time for all."""
        count = self._look(successors, moves, deadline_s)
        left = len(successors.unevaluated(moves))
        if left * self._response_time.typical_s() > deadline_s - time.monotonic():
            return count
        return count + self._look_singly(successors, moves, deadline_s)

    def _look(self, successors: Successors, moves: Sequence[chess.Move], deadline_s: float) -> int:
        """Evaluates the successors of the moves if there is time for all; returns how many were."""
        open_moves = successors.unevaluated(moves)
        if self._response_time.predicted_s(len(open_moves)) > deadline_s - time.monotonic():
            return 0
        boards = [successors.after(move) for move in open_moves]
        successors.add(dict(zip(open_moves, self._evaluate(boards), strict=True)))
        return len(open_moves)

    def _look_singly(self, successors: Successors, moves: Sequence[chess.Move], deadline_s: float) -> int:
        """Evaluates the successors of the moves one by one while there is time; returns how many were.

        A few take less time than a batch, which costs as much as a full one. One that is slower than most does no harm,
        since a budget leaves out the overhead of the move.
        """
        count = 0
        for move in successors.unevaluated(moves):
            if self._response_time.typical_s() > deadline_s - time.monotonic():
                break
            successors.add({move: self._evaluate([successors.after(move)])[0]})
            count += 1
        return count

    def _evaluate(self, boards: Sequence[chess.Board]) -> list[Evaluation]:
        if not boards:
            return []
        started_s = time.monotonic()
        evaluations = self._evaluator.evaluate(boards)
        self._response_time.note(len(boards), time.monotonic() - started_s)
        return evaluations


def _reason_to_compare_nothing(
    evaluation: Evaluation, ranked: Sequence[chess.Move], close: Sequence[chess.Move], mated: Sequence[chess.Move]
) -> str:
    """Returns in words why no comparison of moves can change the choice, or "" if one can."""
    if len(close) > 1:
        return ""
    left = [move for move in ranked if move not in mated]
    if len(left) > 1:
        first, second = (evaluation.log_probs[evaluation.moves.index(move)] for move in left[:2])
        return f"the second move has {math.exp(second - first):.2f} of the first one's probability"
    if mated:
        return "every other move is mated" if left else "every move is mated"
    return "there is one move to choose from"


def _line(move: chess.Move, evaluation: Evaluation, successors: Successors, by_successor: bool) -> Line:
    wdl = successors.wdl(move) if by_successor else successors.decided(move)
    return Line(
        move=move,
        wdl_to_move=evaluation.wdl_to_move if wdl is None else wdl,
        mate_in=successors.mate_in(move),
        reply=successors.reply(move),
    )
