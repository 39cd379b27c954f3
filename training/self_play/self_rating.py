"""Rates a run by games against older copies of its own network, which are kept in the run's folder.

Every rating is that of a copy some time older plus the difference that their games show, so errors add up along the
chain. The network that the run began with has rating 0.
"""

import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path

import chex
import jax
import numpy as np

from training.evaluation.match.elo import Z_95, PairedScore, count_pairs, paired_score
from training.runs.device_mesh import place
from training.runs.durable_files import replace_text
from training.runs.training_task import Report

Rivalry = Callable[[chex.ArrayTree, chex.ArrayTree, jax.Array], jax.Array]


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Copy:
    """A copy of the network, with its rating."""

    step: int
    # Of the run, over all its processes.
    minutes: float
    elo: float
    # Standard error of `elo`.
    elo_error: float


class SelfRating:
    """Keeps copies of the network and lets the newest play an older one.

    Args:
      folder: of the run; copies go to `copies` in it, and those of an earlier process are found there.
      rivalry: compiled `make_rivalry`.
      least_age_minutes: the rival is the newest copy that is as old, or the oldest of all.
      now_s: the clock of the run, in seconds.
    """

    def __init__(
        self,
        folder: Path,
        rivalry: Rivalry,
        least_age_minutes: float,
        now_s: Callable[[], float],
    ) -> None:
        self._folder, self._rivalry, self._least_age, self._now_s = folder / "copies", rivalry, least_age_minutes, now_s
        index = self._folder / "copies.json"
        self._copies = (
            [_Copy(**entry) for entry in json.loads(index.read_text(encoding="utf-8"))] if index.exists() else []
        )
        self._start_s = now_s() - 60 * (self._copies[-1].minutes if self._copies else 0.0)

    def begin(self, params: chex.ArrayTree) -> None:
        """Keeps the weights that a new run begins with; of a run that goes on it has them."""
        if not self._copies:
            self._keep(params, _Copy(step=0, minutes=0.0, elo=0.0, elo_error=0.0))

    def measure(self, params: chex.ArrayTree, step: int, key: jax.Array) -> Report:
        """Plays a copy that is old enough and keeps these weights as another one.

        Args:
          params: of the network that acts.
          step: of the run.
          key: consumed.
        """
        minutes = (self._now_s() - self._start_s) / 60
        old_enough = [copy for copy in self._copies if copy.minutes <= minutes - self._least_age]
        rival = (old_enough or self._copies[:1])[-1]
        rewards = np.asarray(self._rivalry(params, self._restored(rival, params), key))
        points = 0.5 + 0.5 * rewards
        score = paired_score(count_pairs((points[: len(points) // 2] + points[len(points) // 2 :]).tolist()))
        difference, error = _difference(score, len(points))
        copy = _Copy(
            step=step,
            minutes=minutes,
            elo=rival.elo + difference,
            elo_error=math.hypot(rival.elo_error, error),
        )
        self._keep(params, copy)
        age = minutes - rival.minutes
        figures = {"self/score": score.score, "self/elo": copy.elo, "self/elo_error": copy.elo_error, "self/age": age}
        text = f"against itself {age:.0f} min ago {score.score:.1%}, Elo {copy.elo:.0f} ± {Z_95 * copy.elo_error:.0f}"
        return Report(figures, text)

    def _keep(self, params: chex.ArrayTree, copy: _Copy) -> None:
        self._copies = [old for old in self._copies if old.step < copy.step] + [copy]
        if jax.process_index():
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        leaves = jax.tree.leaves(jax.device_get(params))
        np.savez(self._path(copy), *leaves)
        entries = [dataclasses.asdict(entry) for entry in self._copies]
        replace_text(self._folder / "copies.json", json.dumps(entries, indent=1) + "\n")

    def _restored(self, copy: _Copy, like: chex.ArrayTree) -> chex.ArrayTree:
        leaves, structure = jax.tree.flatten(like)
        with np.load(self._path(copy)) as file:
            saved = [file[f"arr_{place}"] for place in range(len(leaves))]
        return jax.tree.unflatten(structure, place(saved, [leaf.sharding for leaf in leaves]))

    def _path(self, copy: _Copy) -> Path:
        return self._folder / f"{copy.step}.npz"


def _difference(score: PairedScore, games: int) -> tuple[float, float]:
    """Returns the difference of ratings and its standard error; a clean sweep counts as half a point less."""
    low, high = score.elo_low_95, score.elo_high_95
    if not math.isfinite(score.elo):
        least = 400 * math.log10(2 * games - 1)
        middle = math.copysign(least, score.score - 0.5)
        nearer = low if middle > 0 else high
        return middle, abs(middle - nearer) / Z_95
    bounds = [bound for bound in (low, high) if math.isfinite(bound)]
    return score.elo, max(abs(bound - score.elo) for bound in bounds) / Z_95
