"""What `d` prints for people: the position."""

import chess


def board_report(board: chess.Board, opponent: str) -> list[str]:
    """Returns the position for `d`."""
    checkers = " ".join(chess.square_name(square) for square in board.checkers())
    lines = [
        *str(board).split("\n"),
        f"Fen: {board.fen()}",
        f"Checkers: {checkers}".rstrip(),
        f"Legal moves: {board.legal_moves.count()}",
    ]
    return [*lines, f"Opponent: {opponent}"] if opponent else lines
