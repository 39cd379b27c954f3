"""Thoughts as the `info` and `bestmove` lines of the Universal Chess Interface."""

import chess
import numpy as np

from engine.player.player import Line, Thought
from engine.player.score import expected_score_to_cp, wdl_permille

NO_MOVE = "bestmove (none)"


def info_lines(thought: Thought, elapsed_s: float, hash_permille: int, show_wdl: bool) -> list[str]:
    """Returns one line per line of the thought, `multipv 1` first.

    Args:
      thought: what the player found.
      elapsed_s: seconds since the go, at least 0.
      hash_permille: fill of the evaluation cache, 0..1000.
      show_wdl: whether to add win, draw and loss of the side to move.
    """
    nps = round(thought.nodes / max(elapsed_s, 1e-3))
    cost = f"nodes {thought.nodes} nps {nps} hashfull {hash_permille} time {elapsed_s * 1e3:.0f}"
    lines = []
    for rank, line in enumerate(thought.lines, start=1):
        moves = [line.move] if line.reply is None else [line.move, line.reply]
        wdl = _wdl_text(line.wdl_to_move) if show_wdl else ""
        lines.append(
            f"info depth 1 seldepth {len(moves)} multipv {rank} score {_score_text(line)}{wdl} "
            f"{cost} pv {' '.join(move.uci() for move in moves)}"
        )
    return lines


def solver_line(thought: Thought) -> str:
    """Returns the solver's record and the policy's entropy of the root, for `debug on`."""
    evaluation = thought.evaluation
    return (
        f"info string solver steps {evaluation.steps} residual {evaluation.residual:.3g} "
        f"converged {'yes' if evaluation.converged else 'no'} "
        f"policy entropy {evaluation.entropy_nats:.3f} nats"
    )


def bestmove_line(thought: Thought, tell_reply: bool) -> str:
    """Returns the answer to a go; the expected reply is told only if asked for."""
    first = thought.lines[0]
    if tell_reply and first.reply is not None:
        return f"bestmove {first.move.uci()} ponder {first.reply.uci()}"
    return f"bestmove {first.move.uci()}"


def finished_line(board: chess.Board, show_wdl: bool) -> str:
    """Returns the info line of a position without legal moves: mated or stalemate."""
    mated = board.is_check()
    wdl = np.array([0.0, 0.0, 1.0] if mated else [0.0, 1.0, 0.0])
    score = "mate 0" if mated else "cp 0"
    return f"info depth 0 score {score}" + (_wdl_text(wdl) if show_wdl else "")


def _score_text(line: Line) -> str:
    if line.mates:
        return "mate 1"
    return f"cp {expected_score_to_cp(line.expected_score_to_move)}"


def _wdl_text(wdl: np.ndarray) -> str:
    win, draw, loss = wdl_permille(wdl)
    return f" wdl {win} {draw} {loss}"
