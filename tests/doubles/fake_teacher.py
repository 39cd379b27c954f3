"""A UCI engine for tests: searches nothing, values moves by their order, and can break."""

import sys
import time

import chess


def main() -> None:
    board, lines = chess.Board(), 1
    for line in sys.stdin:
        words = line.split()
        if words[:1] == ["uci"]:
            if "--mute" in sys.argv:
                return
            print("id name Fake Teacher\noption name MultiPV type spin default 1 min 1 max 500\nuciok", flush=True)
        elif words[:1] == ["isready"]:
            print("readyok", flush=True)
        elif words[:3] == ["setoption", "name", "MultiPV"]:
            lines = int(words[-1])
        elif words[:1] == ["position"]:
            board = chess.Board() if words[1] == "startpos" else chess.Board(" ".join(words[2:8]))
            for text in words[words.index("moves") + 1 :] if "moves" in words else []:
                board.push_uci(text)
        elif words[:1] == ["go"]:
            if "--hang" in sys.argv:
                time.sleep(60)
            if "--crash" in sys.argv:
                sys.exit(3)
            moves = sorted(move.uci() for move in board.legal_moves)[:lines]
            for index, move in enumerate(moves):
                score = "mate 2" if index == 0 else f"cp {100 - 50 * index}"
                print(f"info depth 7 multipv {index + 1} score {score} pv {move}", flush=True)
            print(f"bestmove {moves[0]}", flush=True)
        elif words[:1] == ["quit"]:
            return


if __name__ == "__main__":
    main()
