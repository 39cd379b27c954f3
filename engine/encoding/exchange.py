"""What a man would win or lose by going to a square: the static exchange value, without x-rays.

Both sides then capture on the square with their least valuable attackers in turn, and either may stop. It is a
function of the attackers' counts alone, so it is the same for every square and needs no move to be made.
"""

from engine.encoding.attacks import MEN, Array

# Pawns' worth. The king is dear enough that no exchange pays for it.
MAN_VALUES = (1.0, 3.0, 3.0, 5.0, 9.0, 30.0)
CAPTURES = 5  # captures looked at after the first move; longer exchanges are cut off, which favours the last to take


def _ordered_values(counts: list[Array], depth: int) -> list[Array]:
    """Returns the values of the least, second least, ... valuable attackers; 0 where there are fewer.

    Args:
      counts: how many attackers of each kind, arrays of one shape.
      depth: how many values.
    """
    xp = counts[0].__array_namespace__()
    nothing = xp.zeros_like(counts[0])
    ordered, seen = [nothing] * depth, nothing
    for count, worth in zip(counts, MAN_VALUES, strict=True):
        until = seen + count
        ordered = [xp.where((seen <= place) & (place < until), worth, value) for place, value in enumerate(ordered)]
        seen = until
    return ordered


def exchange_values(counts: Array, men: Array) -> Array:
    """Values the arrival of each kind of man of each side on each square.

    Args:
      counts: float32 `[B, 2, 6, S]` attackers by side and kind (`attacks.attacker_counts`).
      men: float32 `[B, 2, 6, S]`.

    Returns:
      float32 `[B, 2, 6, S]` in pawns, by side and kind that arrives: what stands on the square minus the best the
      other side can then win back. On an empty square a pawn is taken to be pushed there, elsewhere every man counts
      as one of the attackers and so no longer defends the square after its arrival.
    """
    xp = counts.__array_namespace__()
    worth = xp.asarray(MAN_VALUES, dtype=xp.float32)
    captured = xp.sum(xp.flip(men, axis=1) * worth[None, None, :, None], axis=2, keepdims=True)  # [B, 2, 1, S]
    theirs = xp.flip(counts, axis=1)
    # [B, 2, 6, S] each: whether the man that arrives was one of the attackers.
    is_pawn = xp.arange(MEN)[None, None, :, None] == 0
    leaves = xp.astype((counts > 0) & ((captured > 0) | ~is_pawn), xp.float32)
    kinds = xp.eye(MEN, dtype=xp.float32)
    left = [counts[:, :, kind, None] - leaves * kinds[kind][None, None, :, None] for kind in range(MEN)]
    replies = _ordered_values([theirs[:, :, kind, None] for kind in range(MEN)], 3)  # each [B, 2, 1, S]
    ours = _ordered_values(left, 2)  # each [B, 2, 6, S]
    # Men that come to stand on the square in turn, and after each whether the other side can take it.
    stands = [worth[None, None, :, None], replies[0], ours[0], replies[1], ours[1]]
    takers = [replies[0], ours[0], replies[1], ours[1], replies[2]]
    best = xp.zeros_like(counts)
    for stand, taker in zip(reversed(stands), reversed(takers), strict=True):
        best = xp.where(taker > 0, xp.clip(stand - best, 0.0, None), xp.zeros_like(best))
    return captured - best
