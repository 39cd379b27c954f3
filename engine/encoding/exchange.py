"""What a man would win or lose by going to a square: the static exchange value, without x-rays.

Both sides then capture on the square with their least valuable attackers in turn, and either may stop. It is a
function of the attackers' counts alone, so it is the same for every square and needs no move to be made.
"""

from engine.encoding.attacks import MEN, Array

# Pawns' worth. The king is dear enough that no exchange pays for it.
MAN_VALUES = (1.0, 3.0, 3.0, 5.0, 9.0, 30.0)
CAPTURES = 5  # captures looked at after the first move; longer exchanges are cut off, which favours the last to take


def _ordered_values(counts: list[Array], depth: int) -> list[Array]:
    """Returns the values of the least, second least, ... valuable attackers; 0 where there are fewer."""
    xp = counts[0].__array_namespace__()
    ordered = []
    for place in range(depth):
        value, seen = xp.zeros_like(counts[0]), xp.zeros_like(counts[0])
        for count, worth in zip(counts, MAN_VALUES, strict=True):
            here = (seen <= place) & (place < seen + count)
            value = xp.where(here, worth, value)
            seen = seen + count
        ordered.append(value)
    return ordered


def exchange_values(counts: Array, men: Array, side: int) -> Array:
    """Values the arrival of each kind of man on each square.

    Args:
      counts: float32 `[B, 2, 6, S]` attackers by side and kind (`attacks.attacker_counts`).
      men: float32 `[B, 2, 6, S]`.
      side: who moves: 0 the mover, 1 the opponent.

    Returns:
      float32 `[B, 6, S]` in pawns: what stands on the square minus the best the other side can then win back. On an
      empty square a pawn is taken to be pushed there, elsewhere every man counts as one of the attackers and so no
      longer defends the square after its arrival.
    """
    xp = counts.__array_namespace__()
    own, theirs = counts[:, side], counts[:, 1 - side]  # [B, 6, S]
    worth = xp.asarray(MAN_VALUES, dtype=xp.float32)
    captured = xp.sum(men[:, 1 - side] * worth[None, :, None], axis=1)  # [B, S]
    replies = _ordered_values([theirs[:, kind] for kind in range(MEN)], 3)  # each [B, S]
    arrivals = []
    for kind in range(MEN):
        leaves = xp.minimum(own[:, kind], xp.asarray(1.0, dtype=xp.float32))
        if kind == 0:
            leaves = xp.where(captured > 0, leaves, xp.zeros_like(leaves))
        left = [own[:, other] - leaves if other == kind else own[:, other] for other in range(MEN)]
        ours = _ordered_values(left, 2)
        # Men that come to stand on the square in turn, and after each whether the other side can take it.
        stands = [xp.full_like(captured, MAN_VALUES[kind]), replies[0], ours[0], replies[1], ours[1]]
        takers = [replies[0], ours[0], replies[1], ours[1], replies[2]]
        best = xp.zeros_like(captured)
        for stand, taker in zip(reversed(stands), reversed(takers), strict=True):
            best = xp.where(taker > 0, xp.maximum(xp.zeros_like(best), stand - best), xp.zeros_like(best))
        arrivals.append(captured - best)
    return xp.stack(arrivals, axis=1)
