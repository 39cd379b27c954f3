"""Draws a position: attention and moves on the board, the verdict, and how both settled.

The picture is made of panels, which share its coordinates: side by side on one sheet, or one below the other.
"""

from collections.abc import Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

import chess
import numpy as np

from engine.player.choice import ranked_moves
from engine.player.score import wdl_permille
from engine.view.board_svg import CHOSEN, HEAT, POLICY_ARROW, attention_of_square, board_svg, heat_fill, policy_arrows
from engine.view.capture import Trace
from engine.view.explanation import played_move
from engine.view.line_chart import PALETTE, Line, line_chart
from engine.view.look import CompletedLook, Look

_WIDTH, _HEIGHT, _BOARD, _MARGIN = 980, 800, 460, 20
_SIDE = _BOARD + 2 * _MARGIN  # x of the right column
_SHOWN_MOVES = 7
_INK, _FAINT = "#212529", "#868e96"


class Panel(NamedTuple):
    """Holds a part of the picture and the rectangle of the sheet that it fills."""

    x: float
    y: float
    width: float
    height: float
    parts: Sequence[str]

    def document(self) -> str:
        """Returns the panel alone as SVG text."""
        return _document((self.x, self.y, self.width, self.height), self.parts)


def explanation_svg(board: chess.Board, trace: Trace, look: Look) -> str:
    """Returns the picture as SVG text.

    Raises:
      LookError: the trace has no such state, block or head.
    """
    title = [
        _text(_MARGIN, 30, f"State {look.completed(trace).state} of {len(trace.residual) - 1}", size=17, weight="600"),
        _text(_WIDTH - _MARGIN, 30, board.fen(), fill=_FAINT, anchor="end"),
    ]
    panels = explanation_panels(board, trace, look)
    return _document((0, 0, _WIDTH, _HEIGHT), [*title, *(part for panel in panels for part in panel.parts)])


def explanation_panels(board: chess.Board, trace: Trace, look: Look) -> list[Panel]:
    """Returns the board, the verdict with the policy, the heads, and the curves.

    Raises:
      LookError: the trace has no such state, block or head.
    """
    shown = look.completed(trace)
    right, width = _SIDE - 4, _WIDTH - _SIDE - _MARGIN + 8
    return [
        Panel(_MARGIN, 44, _BOARD, _BOARD + 28, _board(board, trace, shown)),
        Panel(right, 50, width, 300, [*_verdict(board, trace, shown.state), *_policy(board, trace, shown.state)]),
        Panel(right, 356, width, 164, _heads(trace, shown)),
        *_settling(board, trace),
    ]


def _board(board: chess.Board, trace: Trace, shown: CompletedLook) -> list[str]:
    state, square = shown.state, shown.square
    weights = attention_of_square(trace, state, square, block=shown.block, head=shown.head, to_square=shown.to_square)
    drawn = board_svg(
        board,
        fill=heat_fill(weights),
        arrows=policy_arrows(trace.evaluation.moves, trace.log_probs[state]),
        chosen=square,
        orientation=shown.orientation,
        size=_BOARD,
    )
    caption = _text(_MARGIN, _BOARD + 64, f"{shown.caption}; arrows: policy", size=13, fill=_FAINT)
    return [_placed(drawn, _MARGIN, 46), caption]


def _verdict(board: chess.Board, trace: Trace, state: int) -> list[str]:
    to_move = trace.wdl_to_move[state]
    permille = wdl_permille(to_move if board.turn == chess.WHITE else to_move[::-1])
    x, y, width = _SIDE, 58, _WIDTH - _SIDE - _MARGIN
    parts, left = [], float(x)
    labels = (("#f8f9fa", _INK, "White"), ("#adb5bd", _INK, "draw"), ("#343a40", "#ffffff", "Black"))
    for (fill, ink, label), share in zip(labels, permille, strict=True):
        part = width * share / 1000
        parts.append(f'<rect x="{left:.1f}" y="{y}" width="{part:.1f}" height="26" fill="{fill}" stroke="#ced4da"/>')
        if part > 62:
            parts.append(
                _text(left + part / 2, y + 18, f"{label} {share / 10:.0f}%", anchor="middle", fill=ink, size=12)
            )
        left += part
    log_probs = trace.log_probs[state]
    entropy, steps = float(-np.sum(np.exp(log_probs) * log_probs)), trace.evaluation.steps
    facts = (
        ("mover's value", f"{to_move[0] - to_move[2]:+.3f}"),
        ("entropy", f"{entropy:.2f} nats"),
        ("residual", "–" if np.isnan(trace.residual[state]) else f"{trace.residual[state]:.3g}"),
        (f"played after {steps} {'step' if steps == 1 else 'steps'}", board.san(played_move(board, trace))),
    )
    for index, (name, value) in enumerate(facts):
        at = x + index * width / len(facts)
        parts += [_text(at, y + 56, value, size=16, weight="600"), _text(at, y + 72, name, size=12, fill=_FAINT)]
    return parts


def _policy(board: chess.Board, trace: Trace, state: int) -> list[str]:
    order = np.argsort(-trace.log_probs[state], kind="stable")[:_SHOWN_MOVES]
    parts, top = [_text(_SIDE, 164, "Policy", size=14, weight="600")], 176
    longest = _WIDTH - _SIDE - _MARGIN - 120
    best = float(np.exp(trace.log_probs[state][order[0]]))
    for row, index in enumerate(order):
        y, probability = top + 24 * row, float(np.exp(trace.log_probs[state][index]))
        parts += [
            _text(_SIDE, y + 14, board.san(trace.evaluation.moves[index]), size=13, weight="600"),
            f'<rect x="{_SIDE + 62}" y="{y + 2}" width="{longest * probability / best:.1f}" height="15" '
            f'fill="{POLICY_ARROW}" opacity="0.8"/>',
            _text(_SIDE + 70 + longest * probability / best, y + 14, f"{100 * probability:.1f}%", size=12, fill=_FAINT),
        ]
    return parts


def _heads(trace: Trace, look: CompletedLook) -> list[str]:
    """Returns one small board of attention for every head, one row for every block."""
    _, blocks, heads = trace.attention.shape[:3]
    state, square = look.state, look.square
    title = f"Attention {'to' if look.to_square else 'of'} {chess.square_name(square)} by head"
    parts = [_text(_SIDE, 372, title, size=14, weight="600")]
    left = _SIDE + 50
    pitch = min(100.0, (_WIDTH - left - _MARGIN) / heads, 136 / blocks)
    row_height = min(136 / blocks, pitch + 12)
    for block in range(blocks):
        y = 384 + row_height * block
        parts.append(_text(_SIDE, y + pitch / 2, f"block {block + 1}", size=12, fill=_FAINT))
        for head in range(heads):
            weights = attention_of_square(trace, state, square, block=block, head=head, to_square=look.to_square)
            parts.append(_mini_board(weights, square, look.orientation, left + pitch * head, y, 0.88 * pitch))
    return parts


def _mini_board(
    weights: dict[chess.Square, float], chosen: chess.Square, orientation: chess.Color, x: float, y: float, size: float
) -> str:
    cell, greatest = size / 8, max([*weights.values(), 1e-9])
    frame = f'width="{size:.1f}" height="{size:.1f}" stroke="#ced4da"'
    parts = [f'<g transform="translate({x:.1f} {y:.1f})"><rect {frame} fill="#f1f3f5"/>']
    for square, weight in weights.items():
        if weight < 0.02 * greatest:
            continue
        place = _mini_place(square, orientation, cell)
        parts.append(f'<rect {place} fill="{HEAT}" opacity="{weight / greatest:.2f}"/>')
    ring = _mini_place(chosen, orientation, cell)
    return "".join(parts) + f'<rect {ring} fill="none" stroke="{CHOSEN}" stroke-width="1.5"/></g>'


def _mini_place(square: chess.Square, orientation: chess.Color, cell: float) -> str:
    file, rank = chess.square_file(square), chess.square_rank(square)
    column, row = (file, 7 - rank) if orientation == chess.WHITE else (7 - file, rank)
    return f'x="{column * cell:.1f}" y="{row * cell:.1f}" width="{cell:.1f}" height="{cell:.1f}"'


def _settling(board: chess.Board, trace: Trace) -> list[Panel]:
    """Returns the curves over the states, one panel each."""
    evaluation = trace.evaluation
    order = [evaluation.moves.index(move) for move in ranked_moves(evaluation)[: len(PALETTE) - 2]]
    policy = [
        Line(label=board.san(evaluation.moves[index]), points=_curve(np.exp(trace.log_probs[:, index])))
        for index in order
    ]
    value = trace.wdl_to_move[:, 0] - trace.wdl_to_move[:, 2]
    curves = (
        ("policy", policy, False, True),
        ("value for the mover", [Line(label="", points=_curve(value))], False, False),
        ("residual ‖f(z) − z‖ / ‖f(z)‖", [Line(label="", points=_curve(trace.residual)[1:])], True, False),
    )
    pitch, height, top = (_WIDTH - 2 * _MARGIN) / len(curves), 230, _HEIGHT - 244
    panels = []
    for index, (title, lines, is_log, percent) in enumerate(curves):
        chart = line_chart(
            lines,
            title=title,
            x_label="state of the recursion (dashed: played)",
            width=round(pitch - 10),
            height=height,
            is_log=is_log,
            percent=percent,
            marked_x=trace.played_state,
        )
        x = round(_MARGIN + pitch * index)
        panels.append(Panel(x, top, round(pitch - 10), height, [_placed(chart, x, top)]))
    return panels


def _curve(values: Sequence[float] | np.ndarray) -> tuple[tuple[float, float], ...]:
    return tuple((float(step), float(value)) for step, value in enumerate(values))


def _document(view: tuple[float, float, float, float], parts: Sequence[str]) -> str:
    x, y, width, height = (f"{number:g}" for number in view)
    head = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    frame = f'width="{width}" height="{height}" viewBox="{x} {y} {width} {height}"'
    font = 'font-family="system-ui, DejaVu Sans, sans-serif" role="img"'
    background = f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="#ffffff"/>'
    return f"{head} {frame} {font}>{background}{''.join(parts)}</svg>"


def _placed(svg: str, x: int, y: int) -> str:
    """Returns an SVG element put at a place inside another one."""
    return svg.replace("<svg ", f'<svg x="{x}" y="{y}" ', 1)


def _text(
    x: float, y: float, text: str, *, size: int = 12, weight: str = "400", fill: str = _INK, anchor: str = "start"
) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}" fill="{fill}"'
    return f"<text {place}>{escape(text)}</text>"
