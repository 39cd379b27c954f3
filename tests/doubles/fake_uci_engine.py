"""A UCI engine for tests: plays the first or last legal move by UCI text, and fails when it is told to."""

import argparse
import sys
import time

import chess


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--fault", choices=("crash", "illegal", "none", "null", "hang", "slow"))
    parser.add_argument("--at", type=int, default=1, help="the `go` of this process that fails")
    parser.add_argument("--last", action="store_true", help="play the last move instead of the first")
    parser.add_argument("--score", type=int, default=0, help="hundredths of a pawn it always sees")
    parser.add_argument("--fails-below", type=int, default=0, help="Skill Levels below play illegal moves")
    parser.add_argument("--noise", action="store_true", help="say something that is not UCI before each move")
    parser.add_argument("--pace", type=float, default=0.0, help="seconds that every move takes")
    parser.add_argument("--complaint", help="what it says is wrong with its options")
    arguments = parser.parse_args()
    skill = 20
    board = chess.Board()
    searches = 0
    for line in sys.stdin:
        words = line.split()
        if words[:1] == ["uci"]:
            print("id name Fake 1\noption name Level type spin default 1 min 0 max 9")
            print("option name Skill Level type spin default 20 min 0 max 20")
            print(
                "option name Hash type spin default 1 min 0 max 99\noption name Threads type spin default 1 min 1 max 9"
            )
            print("uciok", flush=True)
        elif line.startswith("setoption name Skill Level"):
            skill = int(words[-1])
        elif words[:1] == ["isready"]:
            if arguments.complaint:
                print("info string error:", arguments.complaint)
            print("readyok", flush=True)
        elif words[:1] == ["position"]:
            board = read_position(words)
        elif words[:1] == ["go"]:
            searches += 1
            fault = arguments.fault if searches == arguments.at else None
            fault = "illegal" if skill < arguments.fails_below else fault
            if arguments.noise:
                print("noise")
            time.sleep(arguments.pace)
            print(f"info depth 3 score cp {arguments.score} nodes 7\nbestmove {answer(board, fault, arguments.last)}")
            sys.stdout.flush()
        elif words[:1] == ["quit"]:
            return


def read_position(words: list[str]) -> chess.Board:
    played = words.index("moves") if "moves" in words else len(words)
    board = chess.Board() if words[1] == "startpos" else chess.Board(" ".join(words[2:played]))
    for text in words[played + 1 :]:
        board.push_uci(text)
    return board


def answer(board: chess.Board, fault: str | None, last: bool) -> str:
    if fault == "crash":
        sys.exit(3)
    if fault == "hang":
        time.sleep(60)
    if fault == "slow":
        time.sleep(0.3)
    wrong = {"illegal": "a1a1", "none": "(none)", "null": "0000"}
    return wrong.get(fault or "") or (max if last else min)(move.uci() for move in board.legal_moves)


if __name__ == "__main__":
    main()
