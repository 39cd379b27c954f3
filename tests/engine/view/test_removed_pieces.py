"""What a piece is worth, with an evaluator that counts material."""

from collections.abc import Sequence

import chess
import numpy as np

from engine.player.evaluator import Evaluation
from engine.view.ablation import worth_of_pieces

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
