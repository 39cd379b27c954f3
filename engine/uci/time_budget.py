"""How long a `go` may take, and how long a move is kept back to seem considered, in seconds."""

import math

from engine.uci.commands import Go

# Moves that the clock is thought to have to last for when the program does not say.
_MOVES_TO_GO = 30


def budget_s(go: Go, white_to_move: bool, overhead_ms: int) -> float:
    """Returns the time until the answer must be out, less the overhead; infinite without a limit.

    Of a fixed time for the move at most half is kept back, so that short ones leave something to think in.

    Args:
      go: the limits; a clock that has run out counts as 0.
      white_to_move: whose clock counts.
      overhead_ms: kept back for what happens between the program that asks and this one.
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
    """Returns the time that a move should take: what is wished, or what the clock bears if that is less.

    The clock bears its share for one of the moves to the time control and most of the increment.

    Args:
      go: the limits.
      white_to_move: whose clock counts.
      overhead_ms: kept back for what happens between the program that asks and this one.
      think_ms: what is wished.
    """
    limits_s = [think_ms / 1e3, budget_s(go, white_to_move, overhead_ms)]
    clock_ms = _clock_ms(go, white_to_move)
    if clock_ms is not None:
        increment_ms = (go.winc_ms if white_to_move else go.binc_ms) or 0
        share_ms = max(0, clock_ms - overhead_ms) / max(go.movestogo or _MOVES_TO_GO, 2)
        limits_s.append((share_ms + 0.8 * max(0, increment_ms)) / 1e3)
    return min(limits_s)


def _clock_ms(go: Go, white_to_move: bool) -> int | None:
    return go.wtime_ms if white_to_move else go.btime_ms
