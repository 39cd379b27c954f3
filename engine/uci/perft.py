"""Counts leaf positions, to compare the rules of chess with other programs (`go perft`)."""

from collections.abc import Callable, Iterator

import chess


def perft_lines(board: chess.Board, depth: int, is_stopped: Callable[[], bool]) -> Iterator[str]:
    """Yields `move: leaves` for each legal move, then the total, as Stockfish prints them.

    Args:
      board: the position; it is left as it was.
      depth: half-moves; below 1 there is one leaf, the position itself.
      is_stopped: asked often; once true, one line says so instead of the total.
    """
    total = 0 if depth > 0 else 1
    for move in sorted(board.legal_moves, key=chess.Move.uci) if depth > 0 else []:
        text = move.uci()
        board.push(move)
        leaves = _leaves(board, depth - 1, is_stopped)
        board.pop()
        if is_stopped():
            yield "info string perft stopped"
            return
        total += leaves
        yield f"{text}: {leaves}"
    yield ""
    yield f"Nodes searched: {total}"


def _leaves(board: chess.Board, depth: int, is_stopped: Callable[[], bool]) -> int:
    if depth == 0 or is_stopped():
        return 1
    if depth == 1:
        return board.legal_moves.count()
    total = 0
    for move in board.legal_moves:
        board.push(move)
        total += _leaves(board, depth - 1, is_stopped)
        board.pop()
    return total
