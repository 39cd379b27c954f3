"""Writes an explanation as plain text for a terminal: board with attention shaded, policy, and how both settled."""

import chess
import numpy as np

from engine.player.score import wdl_permille
from engine.view.board_svg import attention_of_square
from engine.view.capture import Trace
from engine.view.explanation import played_move
from engine.view.look import Look

_SHADES = " ░▒▓█"
_LISTED, _BAR = 10, 24  # moves; characters of the longest bar
_COURSES = 4  # moves whose share is told state by state


def explanation_text(board: chess.Board, trace: Trace, look: Look) -> str:
    """Returns the text, lines of at most about 80 characters.

    Raises:
      LookError: the trace has no such state, block or head.
    """
    shown = look.completed(trace)
    weights = attention_of_square(
        trace, shown.state, shown.square, block=shown.block, head=shown.head, to_square=shown.to_square
    )
    left = _board_lines(board, weights, shown.square, shown.orientation)
    right = [*_verdict(board, trace, shown.state), "", *_policy(board, trace, shown.state)]
    rows = [f"{a:27} {b}".rstrip() for a, b in zip(_padded(left, len(right)), _padded(right, len(left)), strict=True)]
    head = f"State {shown.state} of {len(trace.residual) - 1}{_remark(trace, shown.state)}   {board.fen()}"
    return "\n".join([head, "", *rows, "", shown.caption, "", *_settling(board, trace)])


def _board_lines(
    board: chess.Board, weights: dict[chess.Square, float], chosen: chess.Square, orientation: chess.Color
) -> list[str]:
    greatest = max([*weights.values(), 1e-9])
    ranks, files = (range(7, -1, -1), range(8)) if orientation == chess.WHITE else (range(8), range(7, -1, -1))
    lines = []
    for rank in ranks:
        cells = []
        for file in files:
            square = chess.square(file, rank)
            piece = board.piece_at(square)
            shade = _SHADES[round(weights.get(square, 0.0) / greatest * (len(_SHADES) - 1))]
            mark = ">" if square == chosen else shade
            cells.append(f"{mark}{piece.symbol() if piece else '·'}{shade}")
        lines.append(f"{rank + 1} {''.join(cells)}")
    return [*lines, "   " + "  ".join(chess.FILE_NAMES[file] for file in files)]


def _verdict(board: chess.Board, trace: Trace, state: int) -> list[str]:
    wdl = trace.wdl_to_move[state]
    white = wdl_permille(wdl if board.turn == chess.WHITE else wdl[::-1])
    log_probs, evaluation = trace.log_probs[state], trace.evaluation
    entropy = float(-np.sum(np.exp(log_probs) * log_probs))
    return [
        f"{'White' if board.turn else 'Black'} to move; plays {board.san(played_move(board, trace))}",
        "White wins {}%, draw {}%, Black wins {}%".format(*(round(part / 10) for part in white)),
        f"value {wdl[0] - wdl[2]:+.3f} for the mover, entropy {entropy:.2f} nats",
        f"played after {evaluation.solver_words}",
    ]


def _policy(board: chess.Board, trace: Trace, state: int) -> list[str]:
    probabilities = np.exp(trace.log_probs[state])
    order = np.argsort(-probabilities, kind="stable")[:_LISTED]
    return [
        f"{board.san(trace.evaluation.moves[index]):7}{100 * probabilities[index]:5.1f}% "
        f"{'█' * max(1, round(_BAR * probabilities[index] / probabilities[order[0]]))}"
        for index in order
    ]


def _settling(board: chess.Board, trace: Trace) -> list[str]:
    order = np.argsort(-trace.evaluation.log_probs, kind="stable")[:_COURSES]
    names = [board.san(trace.evaluation.moves[index]) for index in order]
    lines = ["state  residual    value" + "".join(f"{name:>9}" for name in names)]
    for state in range(len(trace.residual)):
        value = trace.wdl_to_move[state, 0] - trace.wdl_to_move[state, 2]
        shares = "".join(f"{100 * np.exp(trace.log_probs[state, index]):8.1f}%" for index in order)
        mark = "*" if state == trace.played_state else " "
        residual = "–" if np.isnan(trace.residual[state]) else f"{trace.residual[state]:.3g}"
        lines.append(f"{state:4}{mark} {residual:>9} {value:+8.3f}{shares}")
    return [*lines, "* played"]


def _remark(trace: Trace, state: int) -> str:
    return " (played)" if state == trace.played_state else ""


def _padded(lines: list[str], count: int) -> list[str]:
    return lines + [""] * (count - len(lines))
