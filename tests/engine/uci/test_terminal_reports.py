import chess
import pytest

from engine.uci.terminal_reports import perft_lines


@pytest.mark.parametrize(
    ("fen", "depth", "leaves"),
    [
        (chess.STARTING_FEN, 0, 1),
        (chess.STARTING_FEN, 1, 20),
        (chess.STARTING_FEN, 3, 8902),
        # Known counts (https://www.chessprogramming.org/Perft_Results, positions 2 and 3).
        ("r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R w KQkq - 0 1", 2, 2039),
        ("8/2p5/3p4/KP5r/1R3p1k/8/4P1P1/8 w - - 0 1", 3, 2812),
    ],
)
def test_leaves_are_counted(fen: str, depth: int, leaves: int) -> None:
    board = chess.Board(fen)
    lines = list(perft_lines(board, depth, lambda: False))
    assert lines[-1] == f"Nodes searched: {leaves}"
    assert board.fen() == fen
    if depth:
        assert sum(int(line.split(": ")[1]) for line in lines[:-2]) == leaves


def test_a_stopped_count_says_so() -> None:
    assert list(perft_lines(chess.Board(), 20, lambda: True)) == ["info string perft stopped"]
