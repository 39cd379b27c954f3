"""Turns a `go` and the settings into a request to the player: the moves, the randomness and the time."""

import math

import chess

from engine.player.endgame_tables import EndgameTables
from engine.player.player import Request
from engine.player.polyglot_book import PolyglotBook
from engine.player.strength import Strength, strength_of, temperature_at
from engine.uci.commands import Go
from engine.uci.options import Settings

# How many moves the clock should last for when the chess program does not say.
_MOVES_TO_GO = 30
# A fixed time from here on asks for analysis, so that what is left of it goes into longer lines.
_ANALYSIS_MS = 1000


def request_of(
    board: chess.Board,
    go: Go,
    settings: Settings,
    allowed: frozenset[chess.Move],
    book: PolyglotBook | None,
    tables: EndgameTables | None,
) -> Request:
    """Returns the request for one position.

    Args:
      board: the position.
      go: its limits.
      settings: the values of the options.
      allowed: the legal ones of `searchmoves`; empty for every legal move.
      book: the opening book that is open; analysis does not use it.
      tables: the endgame tables that are open.
    """
    drawing = drawing_of(board, settings)
    with_book = settings.own_book and not (settings.analyse_mode or go.infinite)
    return Request(
        allowed=allowed,
        lines=settings.multipv,
        selection=settings.selection,
        compared_moves=settings.lookahead_moves,
        compared_ratio=settings.lookahead_ratio,
        temperature=drawing.temperature,
        least_ratio=drawing.least_ratio,
        guard=settings.repetition_guard,
        want_reply=settings.ponder,
        want_values=settings.verbose_move_stats,
        budget_s=budget_s(go, board.turn == chess.WHITE, settings.overhead_ms),
        book=book if with_book else None,
        tables=tables,
    )


def drawing_of(board: chess.Board, settings: Settings) -> Strength:
    """Returns how the move is drawn: not at random in analysis; else as UCI_Elo or Temperature says."""
    if settings.analyse_mode:
        return Strength(0.0, 0.0)
    if settings.limit_strength:
        return strength_of(settings.elo)
    temperature = temperature_at(
        board.fullmove_number, settings.temperature, settings.temp_decay_moves, settings.temp_cutoff_move
    )
    return Strength(temperature, 0.0)


def answer_delay_s(board: chess.Board, go: Go, settings: Settings, elapsed_s: float) -> float:
    """Returns how long ThinkTime keeps the answer back; 0 for a forced move and in analysis.

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


def budget_s(go: Go, white_to_move: bool, overhead_ms: int) -> float:
    """Returns the seconds until the answer must be out, less the overhead; infinite without a limit.

    The overhead takes at most half of a fixed time for the move, so that a short one leaves time to think.

    Args:
      go: the limits; a clock that has run out counts as 0.
      white_to_move: whose clock counts.
      overhead_ms: reserved for delays between the chess program and this one.
    """
    clock_ms, limits_ms = _clock_ms(go, white_to_move), []
    if clock_ms is not None:
        limits_ms.append(float(clock_ms - overhead_ms))
    if go.movetime_ms is not None:
        limits_ms.append(go.movetime_ms - min(overhead_ms, go.movetime_ms / 2))
    if not limits_ms or go.infinite or go.ponder:
        return math.inf
    return max(0.0, min(limits_ms)) / 1e3


def considered_s(go: Go, white_to_move: bool, overhead_ms: int, think_ms: int) -> float:
    """Returns the seconds that a move should take: the time wished for, or less if the clock is short.

    The clock allows one move's share of the time to the next control, and most of the increment.

    Args:
      go: the limits.
      white_to_move: whose clock counts.
      overhead_ms: reserved for delays between the chess program and this one.
      think_ms: the time wished for.
    """
    limits_s = [think_ms / 1e3, budget_s(go, white_to_move, overhead_ms)]
    clock_ms = _clock_ms(go, white_to_move)
    if clock_ms is not None:
        increment_ms = (go.winc_ms if white_to_move else go.binc_ms) or 0
        share_ms = max(0, clock_ms - overhead_ms) / max(go.movestogo or _MOVES_TO_GO, 2)
        limits_s.append((share_ms + 0.8 * max(0, increment_ms)) / 1e3)
    return min(limits_s)


def analysis_s(go: Go, budget: float) -> float:
    """Returns how long lines may be lengthened for the reader: for ever, until a long movetime is used up, or not.

    Args:
      go: the limits.
      budget: seconds until the answer must be out, from `budget_s`.
    """
    if go.infinite:
        return math.inf
    return budget if (go.movetime_ms or 0) >= _ANALYSIS_MS and not go.ponder else 0.0


def _clock_ms(go: Go, white_to_move: bool) -> int | None:
    return go.wtime_ms if white_to_move else go.btime_ms
