"""The rating of a run by games against older copies of its network."""

import math
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.doubles.self_play_runs import small_run
from training.self_play.arena import make_rivalry
from training.self_play.self_rating import SelfRating

KEY = jax.random.key(0)


class Clock:
    """A clock that is set by hand."""

    minutes = 0.0

    def __call__(self) -> float:
        return 60 * self.minutes


def scripted(rewards: dict[tuple[int, int], list[int]]) -> Any:
    """Returns a rivalry whose results are known by the strengths of both sides."""

    def play(params: Any, rival: Any, key: jax.Array) -> np.ndarray:
        del key
        return np.array(rewards[int(params["a"]), int(rival["a"])], np.float32)

    return play


def weights(strength: int) -> Any:
    return {"a": jnp.int32(strength)}


def test_ratings_are_added_up_along_the_copies_that_are_old_enough(tmp_path: Path) -> None:
    clock = Clock()
    # Games i and i + 2 have the same opening: pairs of 1 and 2 points, then of 1 and 1, then all won.
    results = {(1, 0): [1, 1, -1, 1], (2, 0): [1, -1, -1, 1], (3, 1): [1, 1, 1, 1]}
    rating = SelfRating(tmp_path, scripted(results), 30, clock)
    rating.begin(weights(0))
    clock.minutes = 20
    first = rating.measure(weights(1), 10, KEY)  # no copy is half an hour old: the first one plays
    assert first.figures["self/score"] == 0.75 and first.figures["self/age"] == 20
    assert first.figures["self/elo"] == pytest.approx(400 * math.log10(3))
    assert first.figures["self/elo_error"] > 0
    clock.minutes = 40
    second = rating.measure(weights(2), 20, KEY)
    assert second.figures["self/elo"] == pytest.approx(0, abs=1e-9)
    # Another process goes on; time passes only while one runs.
    later = Clock()
    later.minutes = 500
    resumed = SelfRating(tmp_path, scripted(results), 30, later)
    resumed.begin(weights(9))
    later.minutes = 515
    third = resumed.measure(weights(3), 30, KEY)
    assert third.figures["self/age"] == pytest.approx(35)
    # A clean sweep of four games counts as three and a half points.
    assert third.figures["self/elo"] == pytest.approx(400 * math.log10(3) + 400 * math.log10(7))
    assert third.figures["self/elo_error"] > first.figures["self/elo_error"]
    assert third.text.startswith("against itself 35 min ago 100.0%, Elo 529 ± ")
    assert {path.name for path in (tmp_path / "copies").iterdir()} == {
        "0.npz", "10.npz", "20.npz", "30.npz", "copies.json",
    }  # fmt: skip


@pytest.mark.slow
def test_equal_networks_share_the_points_of_every_pair() -> None:
    run = small_run()
    rivalry = jax.jit(make_rivalry(run.environment, run.agent, 40, 2))
    params, other = run.agent.init(jax.random.key(0)), run.agent.init(jax.random.key(1))
    rewards = np.asarray(rivalry(params, params, KEY))
    # Without chance in their moves, a pair is the same game twice, seen from both sides.
    np.testing.assert_array_equal(rewards[:20], -rewards[20:])
    assert rewards.any() and len(set(rewards[:20].tolist())) > 1
    # Exchanging the networks turns every result over.
    first, second = np.asarray(rivalry(params, other, KEY)), np.asarray(rivalry(other, params, KEY))
    np.testing.assert_array_equal(first, -np.concatenate([second[20:], second[:20]]))
    with pytest.raises(ValueError, match="even"):
        make_rivalry(run.environment, run.agent, 7, 2)
