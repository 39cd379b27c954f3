"""Sets how randomly moves are drawn: by a playing strength in Elo, or by a temperature that falls during the game.

Each row of the table of strengths is one measured setting; between two rows both numbers change linearly. Nothing
outside the table's range is offered. docs/measurements.md says how the rows were measured. The names and rules of the
falling temperature are those of lc0.
"""

from typing import NamedTuple


class Strength(NamedTuple):
    """Holds how moves are drawn."""

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
    """Returns the setting that plays at an Elo; beyond the table, the nearest row's.

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


def temperature_at(move_number: int, temperature: float, decay_moves: int, cutoff_move: int) -> float:
    """Returns the temperature of one move.

    Args:
      move_number: of the move to be made, counted from 1.
      temperature: of the first move.
      decay_moves: moves after which the temperature has fallen linearly to 0; 0 for no fall.
      cutoff_move: first move whose temperature is 0; 0 for none.
    """
    if cutoff_move and move_number >= cutoff_move:
        return 0.0
    if not decay_moves:
        return temperature
    return temperature * max(0, decay_moves - (move_number - 1)) / decay_moves
