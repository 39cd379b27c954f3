"""A board without a piece, judged by an evaluator that counts material; networks without some of their heads."""

from collections.abc import Sequence

import chess
import jax
import numpy as np
import pytest

from engine.checkpoint import serving_network
from engine.player.evaluator import Evaluation
from engine.view.ablation import HeadError, without_heads, worth_of_pieces
from tests.doubles.tiny_network import param_shapes, stirred, tiny_config
from tests.doubles.tiny_view import TINY

VALUES = {chess.PAWN: 0.02, chess.KNIGHT: 0.06, chess.BISHOP: 0.06, chess.ROOK: 0.1, chess.QUEEN: 0.2, chess.KING: 0.0}


class Counting:
    """Values a board by its material."""

    def __init__(self) -> None:
        self.boards: list[chess.Board] = []

    def evaluate(self, boards: Sequence[chess.Board]) -> list[Evaluation]:
        self.boards += boards
        return [self.evaluation(board) for board in boards]

    def evaluation(self, board: chess.Board) -> Evaluation:
        value = sum(
            VALUES[piece.piece_type] * (1 if piece.color == board.turn else -1) for piece in board.piece_map().values()
        )
        wdl = np.array([0.5 + value / 2, 0.0, 0.5 - value / 2])
        moves = tuple(sorted(board.legal_moves, key=chess.Move.uci))
        return Evaluation(moves, np.full(len(moves), -np.log(len(moves))), wdl, 1, 0.0, True)


def test_pieces_are_worth_what_they_count() -> None:
    board = chess.Board("r3k2r/pp6/8/3n4/8/8/1P2Q3/R3K3 b Qkq - 3 20")
    counting = Counting()
    worth = worth_of_pieces(board, counting.evaluation(board).value_to_move, counting)
    found = {chess.square_name(one.square): round(one.change, 3) for one in worth}
    # Black is to move and in check: without its own piece it has less, without White's more.
    assert found == {"a8": -0.1, "h8": -0.1, "a7": -0.02, "b7": -0.02, "d5": -0.06, "a1": 0.1, "b2": 0.02, "e2": 0.2}
    assert len(counting.boards) == len(worth)
    rights = {without.fen().split()[2] for without in counting.boards}
    assert rights == {"Qkq", "Qk", "Qq", "kq"} and all(without.is_valid() for without in counting.boards)
    assert board.fen() == "r3k2r/pp6/8/3n4/8/8/1P2Q3/R3K3 b Qkq - 3 20"


def test_a_piece_that_shields_the_other_king_stays() -> None:
    # Without the bishop White could take the king.
    board = chess.Board("4k3/4b3/8/8/8/8/8/K3R3 w - - 0 1")
    assert [one.square for one in worth_of_pieces(board, 0.0, Counting())] == [chess.E1]


@pytest.mark.parametrize("arithmetic", ["float32", "int8"])
def test_only_the_rows_of_the_heads_become_zero(arithmetic: str) -> None:
    config = tiny_config(blocks=2, arithmetic=arithmetic)
    params = stirred(param_shapes(serving_network(config)))
    changed = without_heads(params, config, ((1, 0), (0, 1)))
    width = config.width // config.heads
    for (path, before), after in zip(
        jax.tree_util.tree_leaves_with_path(params), jax.tree_util.tree_leaves(changed), strict=True
    ):
        names = [key.key for key in path]
        off = {"block_1": 0, "block_0": 1}.get(names[2] if len(names) > 2 else "")
        if off is not None and names[3:5] == ["attention", "output"] and names[-1] in ("kernel", "values"):
            old, new = (np.asarray(leaf).reshape(config.heads, width, -1) for leaf in (before, after))
            assert old[off].any() and not new[off].any() and before.dtype == after.dtype
            np.testing.assert_array_equal(new[1 - off], old[1 - off])
        else:
            np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("head", [(2, 0), (0, 99), (-1, 0)])
def test_a_head_that_is_not_there_is_refused(head: tuple[int, int]) -> None:
    with pytest.raises(HeadError, match="expected blocks 0 to 1"):
        without_heads({}, TINY, (head,))
