"""Playing strength in Elo as the settings that give it: how randomly moves are drawn.

Each row of the table is one measured setting; between two rows both numbers change linearly. Nothing outside the
table's range is offered. How the rows were measured is in docs/measurements.md.
"""

from typing import NamedTuple


class Strength(NamedTuple):
    """How moves are drawn."""

    temperature: float  # 0: the most probable move; 1: drawn from the policy
    least_ratio: float  # moves less probable than this share of the most probable one are not drawn


# Elo → setting, ascending. UCI_Elo offers the range from the first to the last row.
STRENGTH_OF_ELO: dict[int, Strength] = {
    500: Strength(1.2, 0.01),
    810: Strength(0.8, 0.02),
    1120: Strength(0.6, 0.06),
    1305: Strength(0.4, 0.1),
    1475: Strength(0.2, 0.55),
    1510: Strength(0.0, 1.0),
}
LOWEST_ELO, HIGHEST_ELO = min(STRENGTH_OF_ELO), max(STRENGTH_OF_ELO)


def strength_of(elo: int) -> Strength:
    """Returns the setting that plays at an Elo; beyond the table it is that of the nearest row.

    Args:
      elo: on the scale of the table.
    """
    below = max((row for row in STRENGTH_OF_ELO if row <= elo), default=LOWEST_ELO)
    above = min((row for row in STRENGTH_OF_ELO if row >= elo), default=HIGHEST_ELO)
    low, high = STRENGTH_OF_ELO[below], STRENGTH_OF_ELO[above]
    if below >= above:
        return low
    share = (elo - below) / (above - below)
    return Strength(*(start + share * (end - start) for start, end in zip(low, high, strict=True)))
