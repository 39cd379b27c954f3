"""Which rung of the ladder is played next: a few games to find the place, then many around it.

The choice looks only at the first few pairs of each rung, so that the long stretch of games cannot
move it, and an interrupted ladder chooses the same again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from training.evaluation.match.elo import count_pairs, score_from_elo
from training.evaluation.match.rating_fit import RungResult, fit_rating

# A third rung is worth its games while the score against it is not too one-sided.
_USEFUL_SCORES = (0.25, 0.75)


@dataclass(frozen=True, kw_only=True)
class LadderPlan:
    """How the ladder is climbed.

    Attributes:
      rungs: Elo of the opponents by level, at least one.
      probe_pairs: pairs that find the player's place.
      full_pairs: pairs against each rung that is chosen, those included.
      all_rungs: play every rung instead of choosing.
    """

    rungs: Mapping[int, float]
    probe_pairs: int
    full_pairs: int
    all_rungs: bool = False


@dataclass(frozen=True, kw_only=True)
class LadderStep:
    """A rung, and the pairs it is to have in all."""

    level: int
    pairs: int


def next_step(plan: LadderPlan, points: Mapping[int, Sequence[float]]) -> LadderStep | None:
    """Returns what to play next, None when the ladder is done.

    Args:
      plan: how the ladder is climbed.
      points: of the pairs played so far by level, in their order.
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
