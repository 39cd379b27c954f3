"""How strong the Skill Levels of Stockfish are, in Elo."""

from training.evaluation.engines.evaluation_error import EvaluationError

# What is said wherever a figure rests on the table.
TABLE_NAME = "Stockfish Skill Level recalibration of January 2023, CCRL Blitz scale"
TABLE_UNCERTAINTY = "each entry ±25-40, the scale as a whole ±100"

SKILL_LEVEL_ELO: dict[int, int] = {
    0: 1320,
    1: 1468,
    2: 1608,
    3: 1742,
    4: 1923,
    5: 2204,
    6: 2363,
    7: 2500,
    8: 2596,
    9: 2703,
    10: 2788,
    12: 2923,
    19: 3191,
}
"""Skill Level → Elo.

Source: the message of Stockfish's commit a08b8d4e9 (January 2023), which calibrated the levels of
that week's master (Stockfish 15.1 and six weeks) with Ordo against about 15 versions of Stash, 4000
to 5000 games each, on the scale of CCRL Blitz. The time control is not stated there, and at a fixed
number of nodes the levels may differ from it. `UCI_Elo` of Stockfish 15.1 itself is an older,
different scale: there 2000 means roughly level 6.
"""


def skill_elo(level: int) -> int:
    """Returns the Elo of a Skill Level.

    Raises:
      EvaluationError: the table does not have that level.
    """
    if level not in SKILL_LEVEL_ELO:
        known = ", ".join(map(str, SKILL_LEVEL_ELO))
        raise EvaluationError(f"expected Skill Levels of known strength ({known}), got {level}")
    return SKILL_LEVEL_ELO[level]
