"""Chooses a move without searching: one evaluation, then the rules of `choice`.

What is computed for one move:
  * the network's evaluation of the position (one node), always;
  * for every legal move, by the rules of chess alone, whether it mates and, when winning, whether
    it draws on the spot; and what the opening book and the endgame tables say, if there are any;
  * only when asked for several lines, for every move's value or for the expected reply, and only
    if time allows: one more batched evaluation, of the positions after the moves. It gives lines
    their scores and replies. It changes the move only with the selection `lookahead`.
"""

import dataclasses
import itertools
import math
import random
import statistics
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import chess
import numpy as np

from engine.player.choice import MoveSelection, choose_move, is_drawn_by_rule, ranked_moves
from engine.player.endgame_tables import EndgameTables, best_by_tables
from engine.player.evaluator import BATCH, Evaluation, Evaluator
from engine.player.polyglot_book import PolyglotBook
from engine.player.successors import Successors, lookahead_policy

# A call that was slow for a reason outside this program is forgotten after some tens of calls.
_FORGETTING = 0.95
_RECENT_CALLS = 5


@dataclass(frozen=True, kw_only=True)
class Request:
    """Says what to find out about one position, and how to choose."""

    allowed: frozenset[chess.Move] = frozenset()  # moves to choose from; empty: every legal move
    lines: int = 1  # moves to show, at least 1
    selection: MoveSelection = "policy"
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
        policy, ranked = evaluation, ranked_moves(evaluation, request.allowed)
        if request.selection == "lookahead" or request.want_values:
            wanted = evaluation.moves if request.want_values else ranked
            nodes += self._look(successors, wanted, deadline_s)
            if request.selection == "lookahead" and not successors.unevaluated(ranked):
                policy = lookahead_policy(evaluation, successors, ranked)
                ranked = ranked_moves(policy, ranked)
        best = best_by_tables(ranked, verdicts)
        chosen = choose_move(
            board, policy, best, request.temperature, self._rng, guard=request.guard, least_ratio=request.least_ratio
        )
        shown = [chosen, *(move for move in ranked if move != chosen)][: max(1, request.lines)]
        if len(shown) > 1 or request.want_reply:
            nodes += self._look(successors, shown, deadline_s)
        if len(shown) > 1:
            nodes += self._look_singly(successors, shown, deadline_s)
        # Lines are compared with each other, so each has a value, or else there is only the first.
        shown = list(itertools.takewhile(lambda move: successors.wdl(move) is not None, shown)) or [chosen]
        # A single line keeps the root's value unless the move was chosen by the successors'.
        by_successor = len(shown) > 1 or policy is not evaluation
        return Thought(
            lines=tuple(_line(move, evaluation, successors, by_successor) for move in shown),
            evaluation=evaluation,
            wdl_after=successors.values(evaluation.moves) if request.want_values else {},
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


def _line(move: chess.Move, evaluation: Evaluation, successors: Successors, by_successor: bool) -> Line:
    wdl = successors.wdl(move) if by_successor else successors.decided(move)
    return Line(
        move=move,
        wdl_to_move=evaluation.wdl_to_move if wdl is None else wdl,
        mate_in=successors.mate_in(move),
        reply=successors.reply(move),
    )


class ResponseTime:
    """Predicts how long an evaluation takes, on the safe side: as long as the slowest recent one of its kind.

    Args:
      batch: boards that the evaluator takes in one go.
    """

    def __init__(self, batch: int) -> None:
        self._batch = batch
        self._single_s = 0.0
        self._recent_s: deque[float] = deque(maxlen=_RECENT_CALLS)  # of one board
        self._batch_s: float | None = None  # of one full batch; None: not seen yet

    def note(self, boards: int, seconds: float) -> None:
        """Notes how long a call with at least one board took."""
        if boards == 1:
            self._recent_s.append(seconds)
            self._single_s = max(seconds, _FORGETTING * self._single_s)
        else:
            # One board left over is evaluated alone, which takes far less than a batch.
            batches = math.ceil((boards - 1) / self._batch)
            self._batch_s = max(seconds / batches, _FORGETTING * (self._batch_s or 0.0))

    def typical_s(self) -> float:
        """Returns the median of the last calls with one board, in seconds."""
        return statistics.median(self._recent_s or [0.0])

    def predicted_s(self, boards: int) -> float:
        """Returns seconds for a call with so many boards; a batch not seen yet is as slow as its boards one by one."""
        if boards <= 1:
            return boards * self._single_s
        batch_s = self._batch * self._single_s if self._batch_s is None else self._batch_s
        return math.ceil(boards / self._batch) * batch_s
