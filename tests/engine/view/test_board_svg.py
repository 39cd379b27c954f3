"""Attention picked from a trace, its colours, arrows, and the sprite of the pieces."""

from xml.etree import ElementTree

import chess
import numpy as np
import pytest

from engine.player.evaluator import Evaluation
from engine.view.board_svg import attention_of_square, board_svg, heat_fill, piece_sprite, policy_arrows
from engine.view.capture import Trace

SQUARES = (chess.A1, chess.E4, chess.H8)
MOVES = tuple(chess.Move.from_uci(text) for text in ("a1a2", "a1b1", "a1b2"))


@pytest.fixture
def trace() -> Trace:
    """Two states, two blocks, two heads, three pieces; every number says where it stands."""
    attention = np.arange(2 * 2 * 2 * 9, dtype=float).reshape(2, 2, 2, 3, 3)
    evaluation = Evaluation(MOVES, np.log([0.5, 0.4, 0.1]), np.array([0.5, 0.3, 0.2]), 1, 0.1, False)
    return Trace(
        evaluation=evaluation,
        log_probs=np.log([[0.5, 0.4, 0.1]] * 2),
        wdl_to_move=np.array([[0.5, 0.3, 0.2]] * 2),
        residual=np.array([0.5, 0.1]),
        attention=attention,
        squares=SQUARES,
    )


def test_attention_of_and_to_a_square(trace: Trace) -> None:
    # State 1 begins at 36, block 1 at 54, head 0 at 54, query e4 at 57.
    of = attention_of_square(trace, 1, chess.E4, block=1, head=0)
    assert of == {chess.A1: 57, chess.E4: 58, chess.H8: 59}
    to = attention_of_square(trace, 1, chess.E4, block=1, head=0, to_square=True)
    assert to == {chess.A1: 55, chess.E4: 58, chess.H8: 61}
    mean = attention_of_square(trace, 1, chess.E4, block=1, head=None)
    assert mean == {chess.A1: 61.5, chess.E4: 62.5, chess.H8: 63.5}
    assert attention_of_square(trace, 1, chess.E5, block=1, head=0) == {}


def test_heat_is_relative_to_the_greatest() -> None:
    fill = heat_fill({chess.A1: 0.2, chess.B1: 0.1, chess.C1: 0.0})
    assert [int(fill[square][-2:], 16) for square in (chess.A1, chess.B1, chess.C1)] == [217, 108, 0]
    assert heat_fill({}) == {} and heat_fill({chess.A1: 0.0}) == {}


def test_arrows_of_probable_moves_only() -> None:
    arrows = policy_arrows(MOVES, np.log([0.3, 0.69, 0.01]))
    assert [(arrow.tail, arrow.head) for arrow in arrows] == [(chess.A1, chess.B1), (chess.A1, chess.A2)]
    assert int(arrows[0].color[-2:], 16) > int(arrows[1].color[-2:], 16)


def test_the_board_shows_heat_arrows_and_orientation() -> None:
    board = chess.Board()
    plain = board_svg(board)
    drawn = board_svg(board, fill=heat_fill({chess.E4: 1.0}), arrows=policy_arrows(MOVES, np.log([0.5, 0.4, 0.1])))
    ElementTree.fromstring(drawn)
    assert "#d9480f" in drawn and "#d9480f" not in plain
    assert board_svg(board, orientation=chess.BLACK) != plain


def test_the_sprite_has_the_ids_of_the_page() -> None:
    root = ElementTree.fromstring(piece_sprite())
    assert {group.get("id") for group in root} == {color + piece for color in "wb" for piece in "pnbrqk"}
