"""How long a `go` may take, in seconds."""

import math

from engine.uci.commands import Go


def budget_s(go: Go, white_to_move: bool, overhead_ms: int) -> float:
    """Returns the time until the answer must be out, less the overhead; infinite without a limit.

    Args:
      go: the limits; a clock that has run out counts as 0.
      white_to_move: whose clock counts.
      overhead_ms: kept back for what happens between the program that asks and this one.
    """
    clock_ms = go.wtime_ms if white_to_move else go.btime_ms
    limits_ms = [limit for limit in (clock_ms, go.movetime_ms) if limit is not None]
    if not limits_ms or go.infinite or go.ponder:
        return math.inf
    return max(0, min(limits_ms) - overhead_ms) / 1e3
