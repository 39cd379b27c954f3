"""Draws boards as SVG with heat and arrows on top of chess.svg, and exports its pieces as a sprite for the page."""

import math
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

import chess
import chess.svg
import numpy as np

from engine.view.capture import Trace

# Orange for attention and blue for moves stay apart for every kind of colour vision.
HEAT, POLICY_ARROW, TEACHER_ARROW, CHOSEN = "#d9480f", "#1864ab", "#2b8a3e", "#7048e8"
_BOARD_COLORS = {
    "square light": "#eef1f4",
    "square dark": "#bcc6d0",
    "square light lastmove": "#f3e9b5",
    "square dark lastmove": "#d9cb86",
    "margin": "#ffffff",
    "coord": "#495057",
}
_STRONGEST_HEAT = 0.85  # opacity, so that a piece stays visible


def attention_of_square(
    trace: Trace, state: int, square: chess.Square, *, block: int, head: int | None, to_square: bool = False
) -> dict[chess.Square, float]:
    """Returns the attention that one square pays, or receives, by square.

    Args:
      trace: of the position.
      state: which state of the recursion, from 0.
      square: the query (or the key, with `to_square`).
      block: which block of f.
      head: which head, or None for the mean of all heads.
      to_square: the attention it receives instead of the attention it pays; the shares then do not sum to 1.

    Returns:
      Shares in 0..1 of the squares that are tokens; empty when `square` is none.
    """
    if square not in trace.squares:
        return {}
    weights = trace.attention[state, block]  # [H, n, n]
    matrix = weights.mean(axis=0) if head is None else weights[head]
    index = trace.squares.index(square)
    values = matrix[:, index] if to_square else matrix[index]
    return {square: float(value) for square, value in zip(trace.squares, values, strict=True)}


def heat_fill(weights: Mapping[chess.Square, float]) -> dict[chess.Square, str]:
    """Returns colours for squares, their opacity proportional to the weight."""
    greatest = max(weights.values(), default=0.0)
    if greatest <= 0.0:
        return {}
    return {square: _with_opacity(HEAT, _STRONGEST_HEAT * value / greatest) for square, value in weights.items()}


def policy_arrows(moves: Sequence[chess.Move], log_probs: np.ndarray, count: int = 4) -> list[chess.svg.Arrow]:
    """Returns arrows of the most probable moves, opacity by probability relative to the best.

    Args:
      moves: L legal moves.
      log_probs: `[L]`.
      count: how many at most; moves with less than a twentieth of the best one's probability are left out.
    """
    ranked = np.argsort(-log_probs, kind="stable")[:count]
    ratios = [math.exp(float(log_probs[index] - log_probs[ranked[0]])) for index in ranked]
    return [
        chess.svg.Arrow(
            moves[index].from_square, moves[index].to_square, color=_with_opacity(POLICY_ARROW, 0.2 + 0.65 * ratio)
        )
        for index, ratio in zip(ranked, ratios, strict=True)
        if ratio >= 1 / 20
    ]


def board_svg(
    board: chess.Board,
    *,
    fill: Mapping[chess.Square, str] | None = None,
    arrows: Sequence[chess.svg.Arrow] = (),
    chosen: chess.Square | None = None,
    orientation: chess.Color = chess.WHITE,
    size: int = 400,
) -> str:
    """Returns a board as SVG text.

    Args:
      board: the position; its last move is marked.
      fill: colours of squares, as `heat_fill` returns them.
      arrows: drawn above the pieces.
      chosen: a square to mark with a ring.
      orientation: the side at the bottom.
      size: width and height in pixels.
    """
    ring = [] if chosen is None else [chess.svg.Arrow(chosen, chosen, color=CHOSEN)]
    return str(
        chess.svg.board(
            board,
            orientation=orientation,
            lastmove=board.peek() if board.move_stack else None,
            check=board.king(board.turn) if board.is_check() else None,
            fill=dict(fill or {}),
            arrows=[*arrows, *ring],
            colors=_BOARD_COLORS,
            size=size,
        )
    )


def piece_sprite() -> str:
    """Returns python-chess's pieces as one SVG with ids wp, wn, … bk, in tiles of `chess.svg.SQUARE_SIZE`."""
    sprite = ElementTree.Element("svg", {"xmlns": "http://www.w3.org/2000/svg"})
    for symbol, source in sorted(chess.svg.PIECES.items()):
        group = ElementTree.fromstring(source)
        group.set("id", ("w" if symbol.isupper() else "b") + symbol.lower())
        sprite.append(group)
    return ElementTree.tostring(sprite, encoding="unicode")


def _with_opacity(color: str, opacity: float) -> str:
    return f"{color}{round(255 * min(max(opacity, 0.0), 1.0)):02x}"
