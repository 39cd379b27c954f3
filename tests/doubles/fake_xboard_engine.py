"""An xboard engine for tests: plays the first legal move by UCI text, and resigns without a pawn."""

import sys

import chess


def main() -> None:
    board = chess.Board()
    for line in sys.stdin:
        command, _, rest = line.strip().partition(" ")
        if command == "protover":
            setboard = 0 if "--no-setboard" in sys.argv else 1
            print(f'feature ping=1 setboard={setboard} usermove=1 myname="Fake X" nps=0 done=1', flush=True)
        elif command == "new":
            board = chess.Board()
        elif command == "setboard":
            board = chess.Board(rest)
        elif command == "usermove":
            board.push_uci(rest)
        elif command == "ping":
            print(f"pong {rest}", flush=True)
        elif command == "go":
            go(board)
        elif command == "quit":
            return


def go(board: chess.Board) -> None:
    if not board.pieces(chess.PAWN, board.turn):
        print("resign", flush=True)
        return
    move = min(board.legal_moves, key=chess.Move.uci)
    board.push(move)
    print(f"1 0 0 7 {move.uci()}\nmove {move.uci()}", flush=True)


if __name__ == "__main__":
    main()
