"""Thoughts as the `info` and `bestmove` lines of the Universal Chess Interface."""

from dataclasses import dataclass

import chess
import numpy as np

from engine.player.player import Line, Thought
from engine.player.score import wdl_permille
from engine.uci.score_types import SCORES, ScoreType

NO_MOVE = "bestmove (none)"


@dataclass(frozen=True, kw_only=True)
class InfoForm:
    """How results are written."""

    show_wdl: bool
    score_type: ScoreType


def info_lines(thought: Thought, elapsed_s: float, hash_permille: int, form: InfoForm) -> list[str]:
    """Returns one line per line of the thought, `multipv 1` first.

    Args:
      thought: what the player found.
      elapsed_s: seconds since the go, at least 0.
      hash_permille: fill of the evaluation cache, 0..1000.
      form: how to write the results.
    """
    nps = round(thought.nodes / max(elapsed_s, 1e-3))
    cost = (
        f"nodes {thought.nodes} nps {nps} time {elapsed_s * 1e3:.0f} "
        f"hashfull {hash_permille} tbhits {thought.tablebase_hits}"
    )
    lines = []
    for rank, line in enumerate(thought.lines, start=1):
        moves = [line.move] if line.reply is None else [line.move, line.reply]
        lines.append(
            f"info depth 1 seldepth {len(moves)} multipv {rank} score {_result_text(line, form)} "
            f"{cost} pv {' '.join(move.uci() for move in moves)}"
        )
    return lines


def solver_line(thought: Thought) -> str:
    """Returns the solver's record and the policy's entropy of the root, for `debug on`."""
    evaluation = thought.evaluation
    return f"info string solver {evaluation.solver_words}, policy entropy {evaluation.entropy_nats:.3f} nats"


def bestmove_line(thought: Thought, tell_reply: bool) -> str:
    """Returns the answer to a go; the expected reply is told only if asked for."""
    first = thought.lines[0]
    if tell_reply and first.reply is not None:
        return f"bestmove {first.move.uci()} ponder {first.reply.uci()}"
    return f"bestmove {first.move.uci()}"


def finished_line(board: chess.Board, form: InfoForm) -> str:
    """Returns the info line of a position without legal moves: mated or stalemate."""
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
