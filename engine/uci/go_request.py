"""From a `go` and the settings to what the player is asked for."""

import chess

from engine.player.player import Request
from engine.player.strength import Strength, strength_of, temperature_at
from engine.uci.commands import Go
from engine.uci.reference_files import ReferenceFiles
from engine.uci.settings import Settings
from engine.uci.time_budget import budget_s, considered_s


def request_of(
    board: chess.Board, go: Go, settings: Settings, allowed: frozenset[chess.Move], files: ReferenceFiles
) -> Request:
    """Returns the request for one position.

    Args:
      board: the position.
      go: its limits.
      settings: the values of the options.
      allowed: the moves of `searchmoves` that are legal; empty: every legal move.
      files: book and tables that are open.
    """
    drawing = drawing_of(board, settings)
    with_book = settings.own_book and not (settings.analyse_mode or go.infinite)
    return Request(
        allowed=allowed,
        lines=settings.multipv,
        selection=settings.selection,
        temperature=drawing.temperature,
        least_ratio=drawing.least_ratio,
        guard=settings.repetition_guard,
        want_reply=settings.ponder,
        want_values=settings.verbose_move_stats,
        budget_s=budget_s(go, board.turn == chess.WHITE, settings.overhead_ms),
        book=files.book if with_book else None,
        tables=files.tables,
    )


def drawing_of(board: chess.Board, settings: Settings) -> Strength:
    """Returns how the move is drawn: not at all in analysis, by UCI_Elo if limited, or else by the temperature."""
    if settings.analyse_mode:
        return Strength(0.0, 0.0)
    if settings.limit_strength:
        return strength_of(settings.elo)
    temperature = temperature_at(
        board.fullmove_number, settings.temperature, settings.temp_decay_moves, settings.temp_cutoff_move
    )
    return Strength(temperature, 0.0)


def answer_delay_s(board: chess.Board, go: Go, settings: Settings, elapsed_s: float) -> float:
    """Returns how long to keep the answer back for ThinkTime; a forced move is not, nor one in analysis.

    Args:
      board: the position.
      go: its limits.
      settings: the values of the options.
      elapsed_s: seconds since the go.
    """
    if not settings.think_ms or settings.analyse_mode or board.legal_moves.count() == 1:
        return 0.0
    wanted_s = considered_s(go, board.turn == chess.WHITE, settings.overhead_ms, settings.think_ms)
    return max(0.0, wanted_s - elapsed_s)
