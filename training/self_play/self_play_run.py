"""The self-play run: iterations of the compiled program, their figures, and games against fixed opponents."""

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import chex
import jax

from training.distillation.held_out import HeldOut, HeldOutResult
from training.distillation.learner import make_policy
from training.distillation.starting_weights import StartingModel, starting_model, starting_weights
from training.games.opponents import make_opponent
from training.packed.ranged_shards import open_shards
from training.reporting.sampling_error import estimate_mean
from training.runs.device_mesh import place
from training.runs.run_clock import RunClock
from training.runs.schedule import Schedule
from training.runs.training_task import Figures, LearnerState, Report, Start, Task, finite_figures
from training.self_play.arena import ArenaResult, make_arena, make_rivalry
from training.self_play.devices import lane_mesh, lane_shardings
from training.self_play.random_generator import generator
from training.self_play.resident_program import ResidentState, make_game, make_program
from training.self_play.rollout import RolloutFigures
from training.self_play.self_play_config import SelfPlayConfig
from training.self_play.self_rating import SelfRating

_LOG_MINUTES = 1 / 12
_OPENING_PLIES = 8  # random ones of the games against an older copy, without which all would be the same
# Means over the games that ended, and the sums that they are made of.
_OF_GAMES = {
    "game_plies": "game_plies",
    "decisive_share": "decisive_games",
    "truncated_share": "truncated_games",
    "first_player_score": "first_player_points",
}
Arena = Callable[[chex.ArrayTree, jax.Array], ArenaResult]


class SelfPlay(Task[ResidentState]):
    """Learns from the games of its own network.

    Attributes:
      results: newest wins, draws and losses against each fixed opponent.

    Args:
      config: the run's settings.
      start_from: folder of a run or of a network whose weights are the start of a new run of chess.
      folder: of the run, for the copies of the network that it plays against; None for none.
      now_s: the clock of the run, by which those copies age.

    Raises:
      ValueError: the settings do not fit each other or the devices.
    """

    config: SelfPlayConfig
    unit = "iteration"

    def __init__(
        self,
        config: SelfPlayConfig,
        start_from: Path | None = None,
        folder: Path | None = None,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.config, self.updates, self._start_from = config, config.updates, start_from
        self.results: dict[str, tuple[int, int, int]] = {}
        environment, agent = make_game(config)
        program = make_program(config, environment, agent)
        self._arenas: dict[str, Arena] = {
            name: jax.jit(make_arena(environment, agent, make_opponent(environment, name), config.evaluation_games))
            for name in config.opponents
        }
        self._held_out = _HeldOutPolicy(config) if config.validation else None
        self._rating: SelfRating | None = None
        if config.rival_minutes and folder is not None:
            rivalry = make_rivalry(environment, agent, config.evaluation_games, _OPENING_PLIES)
            self._rating = SelfRating(folder, jax.jit(rivalry), config.rival_minutes, now_s)
        mesh = lane_mesh(config.lanes, config.updates)
        shardings = lane_shardings(jax.eval_shape(program.init), config.lanes, mesh)
        self._iterate = jax.jit(program.iterate, donate_argnums=0, out_shardings=(shardings, None))
        self._init = jax.jit(program.init, out_shardings=shardings)
        self._sums: dict[str, float] = {}  # of the iterations since the last report
        self._iterations = 0

    def start(self) -> Start[ResidentState]:
        """Returns fresh weights and games, or the weights of another folder."""
        begun = Start(self._init())
        if self._start_from is not None:
            state, model = _started(begun.state, self.config, self._start_from)
            begun = Start(state, has_weights=True, note=model.text)
        if self._rating is not None:
            self._rating.begin(begun.state.learner.target)
        return begun

    def introduction(self, state: ResidentState) -> str:
        """Describes the game, the network, the devices and the replay."""
        parameters = sum(leaf.size for leaf in jax.tree.leaves(state.learner.params))
        held = sum(leaf.nbytes for leaf in jax.tree.leaves(state.replay))
        return (
            f"{self.config.game}: {parameters:,} parameters, {self.config.lanes} games at once on "
            f"{jax.device_count()} devices, replay {held / 1e6:.0f} MB"
        )

    @contextlib.contextmanager
    def stepping(self, first: int) -> Iterator[Callable[[ResidentState], tuple[ResidentState, Figures]]]:
        """Gives the iteration, which needs nothing but the state."""
        steps = itertools.count(first + 1)
        yield lambda state: self._iteration(state, next(steps))

    def learner(self, state: ResidentState) -> LearnerState:
        """Returns the learner's part, which counts updates."""
        return state.learner

    def with_schedule(self, state: ResidentState, schedule: Schedule) -> ResidentState:
        """Returns the state with another schedule; for other placements the program would be compiled anew."""
        placed = place(schedule, jax.tree.map(lambda old: old.sharding, state.learner.schedule))
        return state.replace(learner=state.learner.replace(schedule=placed))

    def is_report_due(self, clock: RunClock) -> bool:
        """Returns whether some seconds have passed since the last report."""
        return clock.is_due("log", _LOG_MINUTES)

    def report(self, _figures: Mapping[str, float], steps_per_s: float) -> Report:
        """Returns means since the last report, of iterations and of games, and games and positions a second."""
        sums, iterations = self._sums, self._iterations
        self._sums, self._iterations = {}, 0
        played = {name: sums.pop(name) for name in RolloutFigures._fields}
        means = {name: value / iterations for name, value in sums.items()}
        if played["games"]:
            means |= {name: played[total] / played["games"] for name, total in _OF_GAMES.items()}
        positions_per_s = steps_per_s * self.config.lanes * self.config.steps
        games_per_s = steps_per_s * played["games"] / iterations
        text = (
            f"loss {means['loss']:.3f}  cmpo {means['cmpo_loss']:.3f}  value r {means['value_explained']:.2f}  "
            f"plies {means.get('game_plies', float('nan')):.1f}  "
            f"decisive {means.get('decisive_share', float('nan')):.0%}  {games_per_s:.1f} games/s  "
            f"{positions_per_s:.0f} positions/s"
        )
        rates = {"games_per_s": games_per_s, "positions_per_s": positions_per_s}
        return Report({**means, **rates}, text)

    def measure(self, state: ResidentState) -> Iterator[Report]:
        """Plays the network that acts against the fixed opponents, with the same draws every time."""
        figures: dict[str, float] = {}
        texts = []
        for name, arena in self._arenas.items():
            key = jax.random.key(self.config.seed, impl=generator(self.config.generator))
            result = arena(state.learner.target, key)
            wins, draws, losses = self.results[name] = int(result.wins), int(result.draws), int(result.losses)
            score = estimate_mean([1.0] * wins + [0.5] * draws + [0.0] * losses)
            numbers = {"score": score.mean, "error": score.standard_error or 0.0}
            numbers |= {"wins": wins, "draws": draws, "losses": losses}
            figures |= {f"against_{name}/{figure}": value for figure, value in numbers.items()}
            texts.append(f"{name} {score.mean:.1%} (+{wins} ={draws} -{losses})")
        if texts:
            yield Report(figures, "against " + ", ".join(texts))
        if self._held_out is not None:
            yield self._held_out.measure(state.learner.target).report()
        if self._rating is not None:
            key = jax.random.key(int(state.step), impl=generator(self.config.generator))
            yield self._rating.measure(state.learner.target, int(state.step), key)

    def saved(self, state: ResidentState) -> ResidentState:
        """Returns the state without its replay where that is not saved."""
        return state if self.config.saves_replay else state.replace(replay=None)

    def restored(self, saved: ResidentState, fresh: ResidentState) -> ResidentState:
        """Returns the saved state, with an empty replay where it was not saved."""
        return saved if self.config.saves_replay else saved.replace(replay=fresh.replay)

    def _iteration(self, state: ResidentState, number: int) -> tuple[ResidentState, Figures]:
        state, metrics = self._iterate(state)
        figures = finite_figures(number, metrics)
        self._sums = {name: self._sums.get(name, 0.0) + value for name, value in figures.items()}
        self._iterations += 1
        return state, figures


class _HeldOutPolicy:
    """Measures the acting network's policy on held-out positions of chess."""

    def __init__(self, config: SelfPlayConfig) -> None:
        assert config.network is not None  # the settings have seen to it
        self._positions = HeldOut(open_shards(config.validation))
        self._policy = make_policy(config.network)

    def measure(self, params: Any) -> HeldOutResult:
        """Measures parameters of a `ChessAgent`."""
        return self._positions.measure(self._policy, params["network"])


def _started(state: ResidentState, config: SelfPlayConfig, folder: Path) -> tuple[ResidentState, StartingModel]:
    """Returns the state with a folder's weights for the network, and for the model if the folder's fits."""
    learner = state.learner
    if config.network is None:
        raise ValueError(f"expected a run of chess to start from {folder}, got one of another game")
    model = starting_model(folder, learner.params["model"])
    parts = {"network": starting_weights(folder, config.network, learner.params["network"])}
    if model.params is not None:
        parts["model"] = model.params

    def with_weights(params: dict[str, Any]) -> dict[str, Any]:
        olds = {name: params[name] for name in parts}
        return params | place(parts, jax.tree.map(lambda old: old.sharding, olds))

    started = learner.replace(
        params=with_weights(learner.params),
        target=with_weights(learner.target),
        past=tuple(with_weights(params) for params in learner.past),
        anchor=None if learner.anchor is None else with_weights(learner.anchor),
    )
    return state.replace(learner=started), model
