"""Chooses the rung of the ladder to play next, and states how strong the rungs are.

A few games find the player's place, then many games are played around it.

The choice looks only at the first few pairs of each rung, so that the long stretch of games cannot
move it, and an interrupted ladder repeats its choices.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from training.evaluation.failures import EvaluationError
from training.evaluation.match.elo import count_pairs, score_from_elo
from training.evaluation.match.rating_fit import RungResult, fit_rating

# A third rung is worth its games while the score against it is not too one-sided.
_USEFUL_SCORES = (0.25, 0.75)

# Quoted wherever a figure rests on the table.
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


@dataclass(frozen=True, kw_only=True)
class LadderPlan:
    """Says how the ladder is climbed.

    Attributes:
      rungs: Elo of the opponents by level, at least one.
      probe_pairs: pairs played to find the player's place.
      full_pairs: pairs against each chosen rung, probe pairs included.
      all_rungs: play every rung instead of choosing.
    """

    rungs: Mapping[int, float]
    probe_pairs: int
    full_pairs: int
    all_rungs: bool = False


@dataclass(frozen=True, kw_only=True)
class LadderStep:
    """Names a rung and the total number of pairs to play on it."""

    level: int
    pairs: int


def next_step(plan: LadderPlan, points: Mapping[int, Sequence[float]]) -> LadderStep | None:
    """Returns the next step, None when the ladder is finished.

    Args:
      plan: rungs and numbers of games.
      points: of the pairs played so far, by level and in the order played.
    """
    probe_pairs = min(plan.probe_pairs, plan.full_pairs)
    probes = {level: list(points[level])[:probe_pairs] for level in plan.rungs if points.get(level)}
    if plan.all_rungs:
        chosen = sorted(plan.rungs)
    elif not probes:
        middle = sorted(plan.rungs)[len(plan.rungs) // 2]
        return LadderStep(level=middle, pairs=probe_pairs)
    elif unfinished := [level for level, pairs in probes.items() if len(pairs) < probe_pairs]:
        return LadderStep(level=unfinished[0], pairs=probe_pairs)
    else:
        chosen = _around(plan.rungs, _probable_elo(plan.rungs, probes))
        for level in chosen:
            if len(probes.get(level, ())) < probe_pairs:
                return LadderStep(level=level, pairs=probe_pairs)
    for level in sorted(chosen):
        if len(points.get(level, ())) < plan.full_pairs:
            return LadderStep(level=level, pairs=plan.full_pairs)
    return None


def skill_elo(level: int) -> int:
    """Returns the Elo of a Skill Level.

    Raises:
      EvaluationError: the table does not have that level.
    """
    if level not in SKILL_LEVEL_ELO:
        known = ", ".join(map(str, SKILL_LEVEL_ELO))
        raise EvaluationError(f"expected Skill Levels of known strength ({known}), got {level}")
    return SKILL_LEVEL_ELO[level]


def _probable_elo(rungs: Mapping[int, float], probes: Mapping[int, Sequence[float]]) -> float:
    """Returns the fit with one drawn pair more on each rung, which keeps it finite."""
    return fit_rating(
        [
            RungResult(opponent_elo=rungs[level], pentanomial=count_pairs([*points, 1.0]))
            for level, points in probes.items()
        ],
        resamples=1,
    ).elo


def _around(rungs: Mapping[int, float], elo: float) -> list[int]:
    """Returns the two or three levels around an Elo, the nearest first."""
    nearest = sorted(rungs, key=lambda level: (abs(rungs[level] - elo), level))
    below = [level for level in nearest if rungs[level] <= elo][:1]
    above = [level for level in nearest if rungs[level] > elo][:1]
    chosen = sorted(below + above, key=nearest.index)
    for level in nearest:
        low, high = _USEFUL_SCORES
        useful = low <= score_from_elo(elo - rungs[level]) <= high
        if level not in chosen and (len(chosen) < 2 or (len(chosen) == 2 and useful)):
            chosen.append(level)
    return chosen
