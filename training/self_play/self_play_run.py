"""The loop of a self-play run: iterations of the compiled program, figures, fixed opponents, checkpoints."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import chex
import jax
import numpy as np

from training.distillation.held_out import HeldOut, HeldOutResult
from training.distillation.learner import make_policy
from training.distillation.starting_weights import StartingModel, starting_model, starting_weights
from training.games.opponents import make_opponent
from training.packed.shards import Shards
from training.runs.finite_figures import finite_figures
from training.runs.run_checkpoint import RunCheckpoints
from training.runs.run_clock import Plan, RunClock
from training.runs.run_folder import write_config
from training.runs.run_log import RunLog, SilentLog
from training.runs.schedule import Schedule, constant_schedule, decay_end, decaying_schedule
from training.self_play.agents import make_game
from training.self_play.arena import ArenaResult, make_arena
from training.self_play.device_mesh import lane_mesh, lane_shardings
from training.self_play.random_generator import generator
from training.self_play.resident_program import ResidentState, make_program
from training.self_play.rollout import RolloutFigures
from training.self_play.run_decisions import decide
from training.self_play.self_play_config import SelfPlayConfig

# Means over the games that ended, and the sums that they are made of.
_OF_GAMES = {
    "game_plies": "game_plies",
    "decisive_share": "decisive_games",
    "first_player_score": "first_player_points",
}
Arena = Callable[[chex.ArrayTree, jax.Array], ArenaResult]


class SelfPlayRun:
    """One run in one process.

    Attributes:
      results: newest wins, draws and losses against each fixed opponent.

    Args:
      config: the run's settings, which are written to its folder.
      folder: of the run; it is made when nothing is wrong with the settings.
      plan: how long to go on, in iterations where it counts steps.
      start_from: folder of a run or of a network whose weights are the start of a new run of chess.

    Raises:
      ValueError: the settings do not fit each other, the devices, the weights or the run's newest checkpoint.
    """

    def __init__(self, config: SelfPlayConfig, folder: Path, plan: Plan, start_from: Path | None = None) -> None:
        self._config, self._plan, self._stopping = config, plan, False
        self.results: dict[str, tuple[int, int, int]] = {}
        environment, agent = make_game(config)
        program = make_program(config, environment, agent)
        self._arenas: dict[str, Arena] = {
            name: jax.jit(make_arena(environment, agent, make_opponent(environment, name), config.evaluation_games))
            for name in config.opponents
        }
        self._held_out = _HeldOutPolicy(config) if config.validation else None
        mesh = lane_mesh(config.lanes, config.updates)
        shardings = lane_shardings(jax.eval_shape(program.init), config.lanes, mesh)
        self._iterate = jax.jit(program.iterate, donate_argnums=0, out_shardings=(shardings, None))
        state = jax.jit(program.init, out_shardings=shardings)()
        self._model: StartingModel | None = None
        if start_from is not None:
            state, self._model = _started(state, config, start_from)
        self._checkpoints = RunCheckpoints(folder)
        self._state = self._restored(state, has_weights=start_from is not None)
        self._clock = RunClock(plan, int(self._state.step), _last_iteration(self._state, config.updates))
        self._reported_step = self._clock.first_step
        # All processes of a group have the same figures.
        is_first = jax.process_index() == 0
        if is_first:
            write_config(folder, config)
        self._log = RunLog(folder) if is_first else SilentLog()

    def stop(self) -> None:
        """Asks the loop to save and end after the iteration it is in; may be called from a signal handler."""
        self._stopping = True

    def run(self) -> ResidentState:
        """Plays and learns until the plan is fulfilled; to be called once.

        Returns:
          The last state, which is also saved.

        Raises:
          DivergedError: the loss is no longer a number; the last checkpoint is from before.
        """
        try:
            return self._train()
        finally:
            self._checkpoints.close()
            self._log.close()

    def _restored(self, fresh: ResidentState, has_weights: bool) -> ResidentState:
        empty = fresh.replay
        like = fresh if self._config.saves_replay else fresh.replace(replay=None)
        state = self._checkpoints.restore_latest(like)
        if state is None:
            # A run that is killed before its first checkpoint must not go on from random weights.
            if has_weights:
                self._checkpoints.save(like)
            return fresh
        state = state if self._config.saves_replay else state.replace(replay=empty)
        return _with_schedule(state, constant_schedule()) if self._plan.restarts_schedule else state

    def _train(self) -> ResidentState:
        state, clock, config = self._state, self._clock, self._config
        del self._state  # its buffers are given to the first iteration
        self._log.tell(self._introduction(state))
        if self._model is not None and not clock.step:
            self._log.tell(self._model.text)
        sums: dict[str, float] = {}
        while True:
            state, metrics = self._iterate(state)
            figures = finite_figures(clock.step + 1, metrics)
            clock.step += 1
            sums = {name: sums.get(name, 0.0) + value for name, value in figures.items()}
            now = decide(clock, self._plan, config.updates, self._stopping)
            if now.decay_updates:
                state = _with_schedule(state, decaying_schedule(int(state.learner.step), now.decay_updates))
            if now.reports:
                self._report(sums)
                sums = {}
            if now.measures:
                self._compete(state)
                self._validate(state)
            if now.saves:
                self._checkpoints.save(state if config.saves_replay else state.replace(replay=None))
            if now.is_end:
                break
        self._log.tell(f"saved iteration {clock.step} after {clock.minutes():.1f} min")
        return state

    def _introduction(self, state: ResidentState) -> str:
        parameters = sum(leaf.size for leaf in jax.tree.leaves(state.learner.params))
        held = sum(leaf.nbytes for leaf in jax.tree.leaves(state.replay))
        begin = "starts" if not self._clock.step else f"goes on from iteration {self._clock.step}"
        return (
            f"{self._config.game}: {parameters:,} parameters, {self._config.lanes} games at once on "
            f"{jax.device_count()} devices, replay {held / 1e6:.0f} MB; {begin}, the first iteration compiles"
        )

    def _report(self, sums: dict[str, float]) -> None:
        """Writes means since the last report, of iterations and of games, and games and positions a second."""
        clock, step_before = self._clock, self._reported_step
        iterations = max(clock.step - step_before, 1)
        rate = clock.rate()
        played = {name: sums.pop(name) for name in RolloutFigures._fields}
        means = {name: value / iterations for name, value in sums.items()}
        if played["games"]:
            means |= {name: played[total] / played["games"] for name, total in _OF_GAMES.items()}
        positions_per_s = rate * self._config.lanes * self._config.steps
        speeds = {"games_per_s": rate * played["games"] / iterations, "positions_per_s": positions_per_s}
        self._log.write(clock.step, {**means, **speeds, **clock.times()})
        self._reported_step = clock.step
        self._log.tell(
            f"iteration {clock.step}  loss {means['loss']:.3f}  cmpo {means['cmpo_loss']:.3f}  "
            f"model q {means['q_correlation']:.2f}  plies {means.get('game_plies', float('nan')):.1f}  "
            f"{speeds['games_per_s']:.0f} games/s  {positions_per_s:.0f} positions/s  "
            f"{clock.minutes_left():.1f} min left"
        )

    def _compete(self, state: ResidentState) -> None:
        """Plays the network that acts against the fixed opponents; the same draws every time."""
        texts = []
        for name, arena in self._arenas.items():
            result = arena(
                state.learner.target, jax.random.key(self._config.seed, impl=generator(self._config.generator))
            )
            wins, draws, losses = self.results[name] = tuple(int(count) for count in result)  # type: ignore[assignment]
            score = float(result.score())
            figures = {"score": score, "wins": wins, "draws": draws, "losses": losses}
            self._log.write(self._clock.step, {f"against_{name}/{key}": value for key, value in figures.items()})
            texts.append(f"{name} {score:.1%} (+{wins} ={draws} -{losses})")
        if texts:
            self._log.tell(f"iteration {self._clock.step}  against " + ", ".join(texts))

    def _validate(self, state: ResidentState) -> None:
        if self._held_out is None:
            return
        step, result = self._clock.step, self._held_out.measure(state.learner.target)
        self._log.write(step, {f"validation/{name}": value for name, value in result._asdict().items()})
        self._log.tell(f"iteration {step}  {result.text()}")


class _HeldOutPolicy:
    """The acting network's policy beside the teacher's, on held-out positions of chess."""

    def __init__(self, config: SelfPlayConfig) -> None:
        assert config.network is not None  # the settings have seen to it
        self._positions = HeldOut(Shards(Path(config.validation)))
        self._policy = make_policy(config.network)

    def measure(self, params: Any) -> HeldOutResult:
        """Measures parameters of a `ChessAgent`."""
        return self._positions.measure(self._policy, params["network"])


def _last_iteration(state: ResidentState, updates: int) -> int | None:
    """Returns the iteration in which a decay that has begun, and counts updates, reaches zero."""
    end = decay_end(state.learner.schedule, int(state.learner.step))
    return None if end is None else int(state.step) - (int(state.learner.step) - end) // updates


def _started(state: ResidentState, config: SelfPlayConfig, folder: Path) -> tuple[ResidentState, StartingModel]:
    """Returns the state with other weights for the network, and for its model where the folder has one that fits."""
    learner = state.learner
    if config.network is None:
        raise ValueError(f"expected a run of chess to start from {folder}, got one of another game")
    model = starting_model(folder, learner.params["model"])
    parts = {"network": starting_weights(folder, config.network, learner.params["network"])}
    if model.params is not None:
        parts["model"] = model.params

    def with_weights(params: dict[str, Any]) -> dict[str, Any]:
        olds = {name: params[name] for name in parts}
        return params | jax.tree.map(lambda new, old: jax.device_put(np.array(new), old.sharding), parts, olds)

    started = learner.replace(
        params=with_weights(learner.params),
        target=with_weights(learner.target),
        past=tuple(with_weights(params) for params in learner.past),
        anchor=None if learner.anchor is None else with_weights(learner.anchor),
    )
    return state.replace(learner=started), model


def _with_schedule(state: ResidentState, schedule: Schedule) -> ResidentState:
    # Placed as the old one was, or the program would be compiled anew.
    placed = jax.tree.map(
        lambda new, old: jax.device_put(np.asarray(new), old.sharding), schedule, state.learner.schedule
    )
    return state.replace(learner=state.learner.replace(schedule=placed))
