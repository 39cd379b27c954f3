"""The exchange on one square by plain recursion over sorted lists of attackers."""

WORTH = {1: 1.0, 2: 3.0, 3: 3.0, 4: 5.0, 5: 9.0, 6: 30.0}  # by python-chess piece type


def swap_off(standing: float, takers: list[float], others: list[float], captures: int) -> float:
    """Returns what the takers win at best, at least 0, when a piece worth `standing` is to be had.

    Args:
      standing: worth of the piece on the square.
      takers: worths of the pieces that can capture it, cheapest first.
      others: worths of the pieces that can recapture, cheapest first.
      captures: how many captures are looked at.
    """
    if captures == 0 or not takers:
        return 0.0
    reply = swap_off(takers[0], others, takers[1:], captures - 1)
    return max(0.0, standing - reply)


def arrival_value(captured: float, kind: int, own: list[int], theirs: list[int], captures: int) -> float:
    """Returns what a piece of `kind` wins (or loses) by going to a square.

    Args:
      captured: worth of the opponent's piece there, 0 if there is none.
      kind: piece type of the piece that goes.
      own: piece types of the own attackers of the square.
      theirs: piece types of the opponent's attackers.
      captures: how many captures are looked at afterwards.
    """
    own = list(own)
    is_push = kind == 1 and captured == 0
    if kind in own and not is_push:
        own.remove(kind)
    takers, others = (sorted(WORTH[piece] for piece in pieces) for pieces in (theirs, own))
    return captured - swap_off(WORTH[kind], takers, others, captures)
