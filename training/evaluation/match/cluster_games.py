"""Plays the games of a match on the nodes of a Ray cluster, pair by pair."""

import contextlib
import itertools
from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from training.evaluation.engines.engine_player import EnginePlayer
from training.evaluation.engines.engine_spec import EngineSpec
from training.evaluation.failures import EvaluationError
from training.evaluation.match.adjudication import GameRules
from training.evaluation.match.game import MatchGame
from training.evaluation.match.match_runner import GameSlot, play_slot
from training.workers.cluster_nodes import Say
from training.workers.crew import Crew, Deliver, Lost, Result
from training.workers.ray_crew import RayCrew


@dataclass(frozen=True, kw_only=True)
class PairJob:
    """Holds the games of a pair that have not been played; none asks for the players' names."""

    slots: tuple[GameSlot, ...] = ()
    names: tuple[str, str] = ("", "")
    rules: GameRules = GameRules()


class PairPlayer:
    """Plays pairs of games in a process of its own.

    Args:
      first: the engine whose points are counted.
      second: its opponent.

    Raises:
      EvaluationError: one of them does not start.
    """

    def __init__(self, first: EngineSpec, second: EngineSpec) -> None:
        self._players = EnginePlayer(first), EnginePlayer(second)

    def work(self, job: PairJob, deliver: Deliver) -> None:
        """Plays a pair; delivers a list of its games, or the names of the players.

        Raises:
          EvaluationError: an engine is not that of other nodes, or does not start again after a crash.
        """
        own = self._players[0].name, self._players[1].name
        if not job.slots:
            deliver(own)
            return
        for number, (name, shown) in enumerate(zip(own, job.names, strict=True), 1):
            if shown not in (name, f"{name} ({number})"):  # so numbered where both have the same
                raise EvaluationError(f"expected the same engines on all nodes, {shown}, got {name}")
        deliver([play_slot(slot, *self._players, job.names, job.rules) for slot in job.slots])

    def close(self) -> None:
        """Ends both engines."""
        for player in self._players:
            player.close()


class ClusterGames:
    """Plays on a cluster; satisfies `GameRunner`.

    Both games of a pair are played by one worker, after each other, and are lost and played again together.

    Args:
      first: the engine whose points are counted.
      second: its opponent.
      crew: from `match_crew`.
    """

    def __init__(self, first: EngineSpec, second: EngineSpec, crew: Crew) -> None:
        self._start, self._crew = partial(PairPlayer, first, second), crew

    def names(self) -> tuple[str, str]:
        """Returns the names of both players, for which one node starts them.

        Raises:
          CrewError: they start nowhere.
        """
        (names,) = self._results(deque([PairJob()]))
        return names[0], names[1]

    def run(
        self, slots: Sequence[GameSlot], *, names: tuple[str, str], rules: GameRules
    ) -> Generator[MatchGame, None, None]:
        """Plays games as `GameRunner.run` says.

        Raises:
          ValueError: one line about the cluster, or the engines, which start on none of its nodes.
        """
        pairs = itertools.groupby(slots, key=lambda slot: slot.pair)
        jobs = deque(PairJob(slots=tuple(games), names=names, rules=rules) for _, games in pairs)
        with contextlib.closing(self._results(jobs)) as results:
            for games in results:
                yield from games

    def _results(self, jobs: deque[PairJob]) -> Generator[Any, None, None]:
        with contextlib.closing(self._crew.run(self._start, lambda: jobs.popleft() if jobs else None)) as events:
            for event in events:
                if isinstance(event, Lost):
                    jobs.appendleft(event.job)
                elif isinstance(event, Result):
                    yield event.value


def match_crew(address: str, engines: Sequence[EngineSpec], concurrency: int | None, say: Say) -> RayCrew:
    """Returns workers on all nodes of a cluster, each with the processors that a game needs.

    Args:
      address: of the cluster, as `RayCrew` takes it.
      engines: that play; if one is timed, nodes that promise more processors than they have are left out.
      concurrency: games at once; None for as many as there are processors.
      say: takes a line about a node.

    Raises:
      CrewError: Ray is not installed, or there is no cluster.
    """
    return RayCrew(
        address=address,
        workers=concurrency,
        processors=max(map(_threads, engines)),
        own_processors=any(map(_is_timed, engines)),
        say=say,
    )


def _threads(spec: EngineSpec) -> int:
    """Returns how many processors an engine uses while it thinks; its opponent waits meanwhile."""
    given = [value for name, value in spec.options.items() if name.lower() in ("threads", "cores")]
    return max([1, *(int(value) for value in given if value.isdecimal())])


def _is_timed(spec: EngineSpec) -> bool:
    return spec.limit.clock is not None or spec.limit.movetime_ms is not None
