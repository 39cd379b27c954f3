"""Writes what the player found as the `info` and `bestmove` lines of the Universal Chess Interface.

With VerboseMoveStats also one line a move in lc0's format, which programs made for lc0 read, Nibbler above all.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import chess
import numpy as np

from engine.encoding.move_labels import move_to_cell
from engine.player.choice import ranked_moves
from engine.player.player import Line, Thought
from engine.player.score import expected_score_to_cp, wdl_permille
from engine.uci.options import ScoreType

_UNKNOWN_VALUE = "(WL:  -.-----) (D: -.---) (M:  -.-) "
# Above this share of certainty the logistic of WDL_mu is steep, and its result mostly noise (lc0 has the same bound).
_STEEP = 0.996
# The widest logistic that is taken seriously, as in lc0: so few draws that the model does not fit.
_WIDEST = 1.4


@dataclass(frozen=True, kw_only=True)
class InfoForm:
    """How results are written."""

    show_wdl: bool
    score_type: ScoreType


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a `go` has taken so far."""

    nodes: int  # positions evaluated
    elapsed_s: float  # since the go, at least 0
    hash_permille: int  # fill of the evaluation cache, 0..1000


def info_lines(thought: Thought, pvs: Sequence[Sequence[chess.Move]], cost: Cost, form: InfoForm) -> list[str]:
    """Returns one line for each line of the thought, `multipv 1` first.

    Args:
      thought: what the player found.
      pvs: the expected moves of each of its lines, from the line's own move on.
      cost: what it took.
      form: how to write the results.
    """
    nps = round(cost.nodes / max(cost.elapsed_s, 1e-3))
    effort = (
        f"nodes {cost.nodes} nps {nps} time {cost.elapsed_s * 1e3:.0f} "
        f"hashfull {cost.hash_permille} tbhits {thought.tablebase_hits}"
    )
    return [
        f"info depth 1 seldepth {len(pv)} multipv {rank} score {_result_text(line, form)} "
        f"{effort} pv {' '.join(move.uci() for move in pv)}"
        for rank, (line, pv) in enumerate(zip(thought.lines, pvs, strict=True), start=1)
    ]


def solver_line(thought: Thought) -> str:
    """Returns the solver's record and the policy's entropy of the root, for `debug on`."""
    evaluation = thought.evaluation
    return f"info string solver {evaluation.solver_words}, policy entropy {evaluation.entropy_nats:.3f} nats"


def lookahead_line(thought: Thought) -> str:
    """Returns the moves that `lookahead` compared, or why it compared none, for `debug on`; "" without it."""
    comparison = thought.comparison
    if comparison is None:
        return ""
    mated = "".join(f"; {move.uci()} allows mate" for move in comparison.mated)
    if not comparison.moves:
        return f"info string lookahead compared nothing: {comparison.reason}{mated}"
    evaluation = thought.evaluation
    log_probs = [float(evaluation.log_probs[evaluation.moves.index(move)]) for move in comparison.moves]
    compared = ", ".join(
        f"{move.uci()} (ratio {math.exp(log_prob - log_probs[0]):.2f}, score {score:.3f})"
        for move, log_prob, score in zip(comparison.moves, log_probs, comparison.scores, strict=True)
    )
    return f"info string lookahead compared {compared}{mated}"


def bestmove_line(thought: Thought, tell_reply: bool) -> str:
    """Returns the answer to a go, with the expected reply if `tell_reply` is true and it is known."""
    first = thought.lines[0]
    if tell_reply and first.reply is not None:
        return f"bestmove {first.move.uci()} ponder {first.reply.uci()}"
    return f"bestmove {first.move.uci()}"


def finished_line(board: chess.Board, form: InfoForm) -> str:
    """Returns the info line of a position without legal moves, which is mate or stalemate."""
    mated = board.is_check()
    wdl = np.array([0.0, 0.0, 1.0] if mated else [0.0, 1.0, 0.0])
    return f"info depth 0 score {'mate 0' if mated else 'cp 0'}{_wdl_text(wdl, form)}"


def _result_text(line: Line, form: InfoForm) -> str:
    if line.mate_in is not None:
        score = f"mate {line.mate_in}"
    else:
        score = f"cp {SCORES[form.score_type](*map(float, line.wdl_to_move))}"
    return score + _wdl_text(line.wdl_to_move, form)


def _wdl_text(wdl: np.ndarray, form: InfoForm) -> str:
    if not form.show_wdl:
        return ""
    win, draw, loss = wdl_permille(wdl)
    return f" wdl {win} {draw} {loss}"


def centipawn(win: float, draw: float, _loss: float) -> int:
    """Returns the centipawns of the expected score by Lichess's curve."""
    return expected_score_to_cp(win + 0.5 * draw)


def win_percentage(win: float, draw: float, _loss: float) -> int:
    """Returns the expected score in hundredths of a percent, 0..10000."""
    return round(10_000 * (win + 0.5 * draw))


def win_minus_loss(win: float, _draw: float, loss: float) -> int:
    """Returns win minus loss in ten-thousandths, -10000..10000."""
    return round(10_000 * (win - loss))


def wdl_mu(win: float, draw: float, loss: float) -> int:
    """Returns 100 times the advantage at which White wins half the games, where lc0's logistic model holds.

    The model: the result is a win above +1, a loss below -1, of a logistic variable around mu, so
    mu = (a - b) / (a + b) with a = log(1 / loss - 1) and b = log(1 / win - 1); its width is 2 / (a + b). Where the
    model is not reliable, `centipawn`.
    """
    fallback = centipawn(win, draw, loss)
    if min(win, loss) <= 0.0 or abs(win - loss) + draw >= _STEEP:
        return fallback
    against, towards = math.log(1.0 / loss - 1.0), math.log(1.0 / win - 1.0)
    if against + towards < 2.0 / _WIDEST:
        return fallback
    mu = (against - towards) / (against + towards)
    return round(100.0 * mu) if abs(mu) < 1.0 or abs(fallback) < abs(100.0 * mu) else fallback


# Name → function of win, draw and loss probability of the side that the score is for.
SCORES: dict[ScoreType, Callable[[float, float, float], int]] = {
    "centipawn": centipawn,
    "win_percentage": win_percentage,
    "Q": win_minus_loss,  # lc0's Q counts draws with its DrawScore, which is 0 here
    "W-L": win_minus_loss,
    "WDL_mu": wdl_mu,
}


def verbose_stats(board: chess.Board, thought: Thought) -> Iterator[str]:
    """Yields one line a move, the least probable first, then one for the position.

    N is 1 where the position after the move was evaluated or is known by rule, P the policy, WL win minus loss,
    D draw, Q and V the value; U is 0, for nothing is explored, and M, the moves left, is not known.

    Args:
      board: the position.
      thought: what the player found about it.
    """
    evaluation = thought.evaluation
    log_prob = dict(zip(evaluation.moves, map(float, evaluation.log_probs), strict=True))
    for move in reversed(ranked_moves(evaluation)):
        wdl = thought.wdl_after.get(move)
        yield (
            "info string "
            + _head(move.uci(), move_to_cell(board, move), int(wdl is not None), log_prob[move])
            + (_values(wdl, evaluation.value_to_move))
        )
    yield (
        "info string "
        + _head("node", len(evaluation.moves), thought.nodes, 0.0)
        + (_values(evaluation.wdl_to_move, 0.0))
    )


def _head(label: str, index: int, visits: int, log_prob: float) -> str:
    percent = 100.0 * math.exp(log_prob)
    return f"{label:<5} ({index:<4}) N: {visits:7d} (+ 0) (P: {percent:5.{1 if percent >= 99.995 else 2}f}%) "


def _values(wdl: np.ndarray | None, assumed: float) -> str:
    """Returns the values of a position; one that was not evaluated gets the value assumed."""
    if wdl is None:
        return f"{_UNKNOWN_VALUE}(Q: {assumed:8.5f}) (U: 0.00000) (S: {assumed:8.5f}) (V:  -.----)"
    value = float(wdl[0] - wdl[2])
    return (
        f"(WL: {value:8.5f}) (D: {float(wdl[1]):5.3f}) (M:  -.-) "
        f"(Q: {value:8.5f}) (U: 0.00000) (S: {value:8.5f}) (V: {value:7.4f})"
    )
