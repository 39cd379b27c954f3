"""Answers for people at a terminal: `d`, `eval`, `perft`, `help` and `license`.

NumPy comes with it, so `uci` is answered before it is imported.
"""

import math
from collections.abc import Callable, Iterator

import chess

from engine.player.choice import ranked_moves
from engine.player.evaluator import Evaluation
from engine.player.score import expected_score_to_cp, wdl_permille

HELP = (
    "RecurseZero plays chess without search: one evaluation of the position gives the move.",
    "The Universal Chess Interface: uci, isready, ucinewgame, setoption name N value V,",
    "  position startpos|fen F [moves ...], go [limits], stop, ponderhit, debug on|off, quit",
    "For people:",
    "  d             shows the position",
    "  eval          shows the policy, the expected result and the solver's record",
    "  bench         evaluates fixed positions: speed, and a checksum of the outputs",
    "  perft N       counts the positions after N half-moves, as go perft N does",
    "  license       shows the terms of use",
    "  version       shows the version",
    "  help          shows this",
)

LICENCE = (
    "RecurseZero is free software: you can redistribute it and/or modify it under the terms of the GNU General",
    "Public License as published by the Free Software Foundation, either version 3 of the License, or (at your",
    "option) any later version. It is distributed in the hope that it will be useful, but WITHOUT ANY WARRANTY;",
    "without even the implied warranty of MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.",
    "The text of the license is in the file LICENSE, and at https://www.gnu.org/licenses/.",
)


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


def evaluation_report(evaluation: Evaluation) -> list[str]:
    """Returns the policy, the expected result and the solver's record for `eval`."""
    percent = {
        move: 100.0 * math.exp(float(log_prob))
        for move, log_prob in zip(evaluation.moves, evaluation.log_probs, strict=True)
    }
    policy = [f"  {move.uci():5} {percent[move]:6.2f} %" for move in ranked_moves(evaluation)]
    win, draw, loss = wdl_permille(evaluation.wdl_to_move)
    expected = evaluation.expected_score_to_move
    return [
        f"Policy ({len(policy)} moves, entropy {evaluation.entropy_nats:.3f} nats):",
        *policy,
        f"Side to move: win {win / 10:.1f} %, draw {draw / 10:.1f} %, loss {loss / 10:.1f} %, "
        f"expected score {expected:.3f}, {expected_score_to_cp(expected):+d} cp",
        f"Solver: {evaluation.solver_words}",
    ]


def perft_lines(board: chess.Board, depth: int, is_stopped: Callable[[], bool]) -> Iterator[str]:
    """Counts leaf positions, to compare the rules of chess with other programs.

    Args:
      board: the position; it is left as it was.
      depth: half-moves; below 1 there is one leaf, the position itself.
      is_stopped: polled often; once it is true, one line says so instead of the total.

    Yields:
      `move: leaves` for each legal move, then the total, as Stockfish prints them.
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
