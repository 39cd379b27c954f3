"""Computes what a piece wins or loses by going to a square: the static exchange value, without x-rays.

Both sides then capture on the square with their least valuable attackers in turn, and either may stop. It is a
function of the attackers' counts alone, so it is the same for every square and needs no move to be made.
"""

from engine.encoding.attacks import KINDS, Array

# In pawns. The king is worth so much that no exchange pays for it.
PIECE_VALUES = (1.0, 3.0, 3.0, 5.0, 9.0, 30.0)
CAPTURES = (
    5  # captures considered after the first move; a longer exchange is cut off, which favours the last to capture
)


def _ordered_values(counts: list[Array], depth: int) -> list[Array]:
    """Returns the values of the least, second least, ... valuable attackers; 0 where there are fewer.

    Args:
      counts: how many attackers of each kind, arrays of one shape.
      depth: how many values.
    """
    xp = counts[0].__array_namespace__()
    nothing = xp.zeros_like(counts[0])
    ordered, seen = [nothing] * depth, nothing
    for count, worth in zip(counts, PIECE_VALUES, strict=True):
        until = seen + count
        ordered = [xp.where((seen <= place) & (place < until), worth, value) for place, value in enumerate(ordered)]
        seen = until
    return ordered


def exchange_values(counts: Array, pieces: Array) -> Array:
    """Returns the exchange value of each kind of piece of each side arriving on each square.

    Args:
      counts: float32 `[B, 2, 6, S]` attackers by side and kind (`attacks.attacker_counts`).
      pieces: float32 `[B, 2, 6, S]`.

    Returns:
      float32 `[B, 2, 6, S]` in pawns, by side and kind that arrives: what stands on the square minus the best the
      other side can then win back. On an empty square a pawn is taken to be pushed there, elsewhere every piece counts
      as one of the attackers and so no longer defends the square after its arrival.
    """
    xp = counts.__array_namespace__()
    worth = xp.asarray(PIECE_VALUES, dtype=xp.float32)
    captured = xp.sum(xp.flip(pieces, axis=1) * worth[None, None, :, None], axis=2, keepdims=True)  # [B, 2, 1, S]
    theirs = xp.flip(counts, axis=1)
    # [B, 2, 6, S] each: whether the piece that arrives was one of the attackers.
    is_pawn = xp.arange(KINDS)[None, None, :, None] == 0
    leaves = xp.astype((counts > 0) & ((captured > 0) | ~is_pawn), xp.float32)
    kinds = xp.eye(KINDS, dtype=xp.float32)
    left = [counts[:, :, kind, None] - leaves * kinds[kind][None, None, :, None] for kind in range(KINDS)]
    replies = [theirs[:, :, kind, None] for kind in range(KINDS)]  # each [B, 2, 1, S]
    return captured - _swap_off(worth[None, None, :, None], replies, left)


def dangers(standing: Array, attackers: Array, guards: Array) -> Array:
    """Returns what the best exchange wins that captures a piece where it stands.

    Args:
      standing: float32 `[..., S]` worth of the piece on each square in pawns; 0 where there is none.
      attackers: float32 `[..., 6, S]` pieces of the other side that attack the square, by kind.
      guards: float32 `[..., 6, S]` pieces of its own side that would take back, by kind.

    Returns:
      float32 `[..., S]`, at least 0: what the other side wins in pawns. The leading axes are broadcast.
    """
    kinds = range(KINDS)
    return _swap_off(standing, [attackers[..., kind, :] for kind in kinds], [guards[..., kind, :] for kind in kinds])


def _swap_off(standing: Array, takers: list[Array], others: list[Array]) -> Array:
    """Returns what the takers win at best, at least 0, by capturing a piece worth `standing`.

    Args:
      standing: worth of the piece.
      takers: how many pieces of each kind can capture it.
      others: how many pieces of each kind can capture in return.
    """
    xp = takers[0].__array_namespace__()
    first, second = _ordered_values(takers, CAPTURES - CAPTURES // 2), _ordered_values(others, CAPTURES // 2)
    # The pieces that capture in turn: the cheapest taker, the cheapest other, the next taker, ...
    captors = [(second if turn % 2 else first)[turn // 2] for turn in range(CAPTURES)]
    best = xp.zeros_like(captors[0])
    for stands, captor in zip([*captors[-2::-1], standing], captors[::-1], strict=True):
        best = xp.where(captor > 0, xp.clip(stands - best, 0.0, None), xp.zeros_like(best))
    return best
