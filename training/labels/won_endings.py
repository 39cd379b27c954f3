"""Draws won positions for the side to move to win: K+Q v K, K+R v K, and nine points ahead.

Nine points (pawn 1, knight and bishop 3, rook 5, queen 9) are more pieces in an ending, or a book opening in which the
other side lacks its queen. Positions are drawn, none is stored: the same random numbers give the same positions.
"""

import random
from typing import Literal, get_args

import chess

from training.labels.balanced_openings import BALANCED_OPENINGS

WonEnding = Literal["K+Q v K", "K+R v K", "+9"]
WON_ENDINGS: tuple[WonEnding, ...] = get_args(WonEnding)
# The winner's pieces and the loser's, without kings, in the letters of FEN; they differ by nine points.
_NINE_AHEAD = (
    ("QPPP", "PPP"),
    ("RBPPPP", "PPP"),
    ("RNPP", "P"),
    ("BNPPPPP", "PP"),
    ("RRPP", "PPP"),
    ("QRPPP", "RPPP"),
    ("QNPPP", "NPPP"),
    ("QBPPPP", "BPPPP"),
    ("QRBPPP", "RBPPP"),
)
_OPENINGS_SHARE = 0.3  # of the positions that are nine points ahead


def won_ending(rng: random.Random, kind: WonEnding) -> chess.Board:
    """Draws a position that the side to move wins; it is White as often as Black.

    Args:
      rng: decides.
      kind: of the material.
    """
    while True:
        if kind == "+9" and rng.random() < _OPENINGS_SHARE:
            board = _without_queen(rng)
        else:
            winner, loser = rng.choice(_NINE_AHEAD) if kind == "+9" else (kind[2], "")
            board = _placed(rng, winner, loser)
            if rng.random() < 0.5:
                board = board.mirror()
        if board.is_valid() and not board.is_check() and any(board.legal_moves):
            return board


def _placed(rng: random.Random, winner: str, loser: str) -> chess.Board:
    """Puts the pieces on random squares, White to move and winning; the position may be illegal.

    No pawn of Black's is about to promote.
    """
    board = chess.Board(None)
    free = set(range(64))
    for letter in sorted("K" + winner + "k" + loser.lower(), key="pPkKqQrRbBnN".index):
        ranks = {"p": range(3, 7), "P": range(1, 6)}.get(letter, range(8))
        square = rng.choice([square for square in sorted(free) if chess.square_rank(square) in ranks])
        free.remove(square)
        board.set_piece_at(square, chess.Piece.from_symbol(letter))
    return board


def _without_queen(rng: random.Random) -> chess.Board:
    """Plays a book opening with equal material and takes a queen off; the position may be illegal."""
    while True:
        _, moves = rng.choice(BALANCED_OPENINGS)
        board = chess.Board()
        for uci in moves.split():
            board.push_uci(uci)
        if all(len(board.pieces(kind, True)) == len(board.pieces(kind, False)) for kind in chess.PIECE_TYPES):
            break
    for square in board.pieces(chess.QUEEN, not board.turn):
        board.remove_piece_at(square)
    board.clear_stack()
    return board
