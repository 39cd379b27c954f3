"""A teacher that is a few lines of Python, as a command."""

import sys
from pathlib import Path

# Values the move at place i of n, in the order of UCI text, at 100 * (n - i) centipawns, a mating move at a mate. Asked
# for nodes, it lists the last two moves, and before them, in an earlier iteration, the first one, which it then finds
# refuted; where only one line is wanted, the move before the last, and the last one before that.
TEACHER = """
import sys, chess
board, lines = chess.Board(), 1
for line in sys.stdin:
    words = line.split()
    if words[:3] == ["setoption", "name", "MultiPV"]:
        lines = int(words[-1])
    if words[0] == "uci":
        print("option name MultiPV type spin default 1 min 1 max 500\\nuciok", flush=True)
    elif words[0] == "isready":
        print("readyok", flush=True)
    elif words[0] == "position":
        board = chess.Board(" ".join(words[2:]))
    elif words[0] == "go" and "searchmoves" in words:
        moves = words[words.index("searchmoves") + 1:]
        # The last of them is best, the others follow from the first on; the last place is from the iteration before.
        assert lines == len(moves) and int(words[2]) == 7 * lines
        for place, move in enumerate([moves[-1], *moves[:-1]], 1):
            score = 900 if place == lines else 100 - 100 * place
            print(f"info depth {6 - (place == lines)} multipv {place} score cp {score} nodes 9 pv {move}")
        print("bestmove", moves[-1], flush=True)
    elif words[0] == "go" and words[1] == "nodes":
        moves = sorted(move.uci() for move in board.legal_moves)
        last, other = moves[-1], moves[-2:][0]
        listed = (5, 1, moves[0], 900), (5, 2, last, 150), (5, 3, other, 300), (6, 1, last, 200), (6, 2, other, 100)
        for depth, place, move, score in listed if lines > 1 else ((7, 1, last, 900), (8, 1, other, 400)):
            print(f"info depth {depth} multipv {place} score cp {score} nodes 9 pv {move}")
        print("bestmove", moves[-1], flush=True)
    elif words[0] == "go":
        moves = sorted(move.uci() for move in board.legal_moves)
        for place, move in enumerate(moves):
            after = board.copy()
            after.push_uci(move)
            score = "mate 1" if after.is_checkmate() else f"cp {100 * (len(moves) - place)}"
            print(f"info depth 1 multipv {place + 1} score cp -9999 upperbound pv {move}")
            print(f"info depth 1 multipv {place + 1} score {score} nodes 9 pv {move} a1a1")
        print("bestmove", moves[0], flush=True)
"""


def write_teacher(folder: Path) -> str:
    """Writes the teacher into a folder and returns its command."""
    script = folder / "teacher.py"
    script.write_text(TEACHER)
    return f"{sys.executable} {script}"
