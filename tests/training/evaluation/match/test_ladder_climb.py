"""The choice of rungs: simulated players of known strength."""

import random

import pytest

from training.evaluation.match.elo import score_from_elo
from training.evaluation.match.ladder_climb import SKILL_LEVEL_ELO, LadderPlan, LadderStep, next_step

RUNGS = {level: float(SKILL_LEVEL_ELO[level]) for level in range(6)}
PLAN = LadderPlan(rungs=RUNGS, probe_pairs=10, full_pairs=100)


def climb(elo: float, plan: LadderPlan = PLAN, seed: int = 1) -> tuple[dict[int, list[float]], list[LadderStep]]:
    generator = random.Random(seed)
    points: dict[int, list[float]] = {}
    steps: list[LadderStep] = []
    while (step := next_step(plan, points)) is not None:
        chance = score_from_elo(elo - plan.rungs[step.level])
        pairs = points.setdefault(step.level, [])
        while len(pairs) < step.pairs:
            pairs.append(float(sum(generator.random() < chance for _ in range(2))))
        steps.append(step)
        assert len(steps) < 30
    return points, steps


@pytest.mark.parametrize(
    "elo, expected", [(1100, {0, 1}), (1538, {1, 2}), (1675, {2, 3}), (2100, {4, 5}), (2600, {4, 5})]
)
def test_the_rungs_around_a_player_get_all_games(elo: float, expected: set[int]) -> None:
    for seed in range(5):
        points, _ = climb(elo, seed=seed)
        full = {level for level, pairs in points.items() if len(pairs) == 100}
        # Ten pairs may miss by one rung.
        assert 2 <= len(full) <= 3
        assert full & expected
        assert all(len(pairs) in (10, 100) for pairs in points.values())


def test_it_starts_in_the_middle_and_probes_before_it_fills() -> None:
    _, steps = climb(1500)
    assert steps[0] == LadderStep(level=3, pairs=10)
    sizes = [step.pairs for step in steps]
    assert sizes == sorted(sizes)


def test_the_long_games_do_not_move_the_choice() -> None:
    points, _ = climb(1675)
    full = sorted(level for level, pairs in points.items() if len(pairs) == 100)
    swept = {level: [*pairs[:10], *[2.0] * (len(pairs) - 10)] for level, pairs in points.items()}
    assert next_step(PLAN, swept) is None
    # An interrupted fill goes on with the same rung.
    cut = {**points, full[-1]: points[full[-1]][:37]}
    assert next_step(PLAN, cut) == LadderStep(level=full[-1], pairs=100)


@pytest.mark.parametrize("pair", [0.0, 2.0])
@pytest.mark.parametrize("seed", range(3))
def test_an_interrupted_probe_is_finished_and_the_same_rungs_follow(seed: int, pair: float) -> None:
    points, steps = climb(1300, seed=seed)
    probed = [step.level for step in steps if step.pairs == 10]
    for count, level in enumerate(probed):
        played = {earlier: points[earlier][:10] for earlier in probed[:count]}
        assert next_step(PLAN, {**played, level: [pair] * 3}) == LadderStep(level=level, pairs=10)
        assert next_step(PLAN, played) == LadderStep(level=level, pairs=10)


def test_all_rungs_are_played_when_asked_for() -> None:
    points, steps = climb(1100, LadderPlan(rungs=RUNGS, probe_pairs=10, full_pairs=20, all_rungs=True))
    assert {len(pairs) for pairs in points.values()} == {20}
    assert [step.level for step in steps] == list(range(6))


def test_a_ladder_of_one_rung_and_few_games() -> None:
    points, _ = climb(1400, LadderPlan(rungs={2: 1608.0}, probe_pairs=10, full_pairs=3))
    assert {level: len(pairs) for level, pairs in points.items()} == {2: 3}
