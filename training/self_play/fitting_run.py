"""The loop that fits a latent model beside a network, measures it, and writes both as a network's folder."""

import contextlib
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from engine.checkpoint import load_network, read_network_facts, save_network
from engine.frozen_config import to_json_dict
from engine.network.latent_model.policy_improvement import PlayingModel
from training.distillation.starting_weights import network_weights, starting_model
from training.distillation.train_state import TrainState, initial_state
from training.packed.batches import BatchStream
from training.packed.prefetch import prefetch
from training.packed.shards import Shards
from training.runs.finite_figures import finite_figures
from training.runs.run_clock import Plan, RunClock
from training.runs.run_log import RunLog
from training.runs.schedule import decaying_schedule
from training.self_play.chess_agent import model_settings
from training.self_play.model_figures import (
    ModelFigures,
    PairedRegret,
    best_scale,
    improved_regret,
    judged_moves,
    model_figures,
)
from training.self_play.model_fit import (
    FitBatch,
    FitConfig,
    Metrics,
    drawn_actions,
    fit_optimizer,
    fitted_module,
    make_fit_update,
    make_squares,
)
from training.self_play.one_iteration import with_one_iteration

_LOG_MINUTES = 1 / 6


class FitResult(NamedTuple):
    """A fitted model and its figures on positions that it was not fitted to."""

    model: PlayingModel
    figures: ModelFigures
    regrets: dict[float, PairedRegret]  # of every scale that was tried
    steps: int  # updates

    def text(self) -> str:
        """Returns the figures for people, in one line."""
        regret = self.regrets[self.model.config.scale]
        return (
            f"held-out correlation {self.figures.correlation:.3f} (within positions {self.figures.within:.3f})  "
            f"error {self.figures.error:.3f}  regret {regret.plain:.4f} of the policy, {regret.improved:.4f} improved "
            f"at scale {self.model.config.scale:g}, change {regret.change:+.4f} ± {regret.change_error:.4f}"
        )


class ModelFitting:
    """One fit in one process.

    Args:
      config: how to fit.
      network: folder of the network; if it has a latent model of the same shape, that one is fitted further.
      sources: packed sets of labels of all legal moves, whose positions are equally likely.
      validation: a packed set to measure on.
      out: folder to write; figures of the fit go to one beside it whose name ends in `.run`.
      plan: how long to fit; measuring comes on top.

    Raises:
      ValueError: the network or the data cannot be used, or there is something at the place of the output already.
    """

    def __init__(
        self, config: FitConfig, network: Path, sources: Sequence[Path], validation: Path, out: Path, plan: Plan
    ) -> None:
        self._config, self._folder = config, network
        out = out.resolve()
        run = out.with_name(f"{out.name}.run")
        for folder in (out, run):
            if folder.exists():
                raise ValueError(f"expected a new place for --out and its .run, got {folder}, which exists")
        self._out = out
        self._loaded = load_network(network)
        self._sets = [_with_all_values(folder) for folder in sources]
        self._validation = _with_all_values(validation)
        stream_sources = [(shards, float(len(shards)), 1.0) for shards in self._sets]
        self._stream = BatchStream(stream_sources, config.batch_size, config.seed, mirror=True)
        settings = with_one_iteration(self._loaded.network.config)
        self._squares, self._module = make_squares(settings), fitted_module(settings.value_bins)
        self._weights = jax.tree.map(jnp.asarray, network_weights(network))
        blank = jnp.zeros((1, 64, settings.width)), jnp.zeros((1,), jnp.int32)
        fresh = jax.jit(self._module.init)(jax.random.key(config.seed), *blank)["params"]
        started = starting_model(network, fresh)
        model = fresh if started.params is None else started.params
        state = initial_state(jax.tree.map(jnp.copy, model), fit_optimizer(config))
        self._state: TrainState = jax.device_put(state, jax.local_devices()[0])
        self._clock = RunClock(plan, 0)
        self._stopping = False
        run.mkdir(parents=True)
        self._log = RunLog(run)
        self._log.tell(f"{started.text}; {sum(map(len, self._sets)):,} positions; the first step compiles")

    def stop(self) -> None:
        """Asks the loop to end after the step it is in; what was learned is measured and written."""
        self._stopping = True

    def run(self) -> FitResult:
        """Fits until the plan is fulfilled, measures and writes; to be called once.

        Raises:
          DivergedError: the loss is no longer a number; nothing is written.
        """
        try:
            model = self._fit()
            result = self._measured(model)
            self._log.write(result.steps, _flat(result))
            self._log.tell(result.text())
            self._write(result)
            return result
        finally:
            self._log.close()

    def _fit(self) -> chex.ArrayTree:
        """Returns the averaged parameters of the model."""
        state, clock, update = self._state, self._clock, make_fit_update(self._module, self._config)
        with contextlib.closing(prefetch(self._batch, 0, depth=4)) as batches:
            for batch in batches:
                state, metrics = update(state, self._squares(self._weights, batch.positions), batch.cells, batch.scores)
                jax.block_until_ready(metrics)
                clock.step += 1
                if clock.is_decay_due():
                    schedule = decaying_schedule(clock.step, clock.begin_decay())
                    state = state.replace(schedule=jax.device_put(schedule, jax.local_devices()[0]))
                is_end = self._stopping or clock.is_over()
                if clock.is_due("log", _LOG_MINUTES) or clock.step == 1 or is_end:
                    self._report(metrics)
                if is_end:
                    break
        finite_figures(clock.step, metrics)
        return state.average

    def _batch(self, index: int) -> FitBatch:
        return drawn_actions(self._stream(index), self._config, index)

    def _report(self, metrics: Metrics) -> None:
        clock, figures = self._clock, finite_figures(self._clock.step, metrics)
        rate = clock.rate() * self._config.batch_size
        self._log.write(clock.step, {**figures, "positions_per_s": rate, **clock.times()})
        self._log.tell(
            f"step {clock.step}  value {figures['value_loss']:.3f}  reward {figures['reward_loss']:.4f}  "
            f"model q {figures['q_correlation']:.2f}  error {figures['q_error']:.2f}  {rate:.0f} positions/s  "
            f"{clock.minutes_left():.1f} min left"
        )

    def _measured(self, params: chex.ArrayTree) -> FitResult:
        """Chooses the scale on positions of training and measures on the held-out ones."""
        config = self._config
        settings = model_settings(past_policies=0, clip=config.clip, scale=1.0)
        loaded = self._loaded._replace(model=PlayingModel(settings, params))
        known = judged_moves(loaded, self._sets[0], config.measured)
        scale = best_scale(known, config.scales, config.clip)
        judged = judged_moves(loaded, self._validation, config.measured)
        regrets = {each: improved_regret(judged, each, config.clip) for each in config.scales}
        model = PlayingModel(dataclasses.replace(settings, scale=scale), params)
        return FitResult(model, model_figures(judged), regrets, self._clock.step)

    def _write(self, result: FitResult) -> None:
        found, config = read_network_facts(self._folder), self._config
        paragraph = (
            f"Beside the network lies a latent model, fitted to the labels of all legal moves of "
            f"{_names(self._sets)} while the network stayed as it was: {result.steps} steps of {config.batch_size} "
            f"positions with {config.actions} moves each, seed {config.seed}. On {config.measured} positions of "
            f"{_names([self._validation])}: {result.text()}."
        )
        card = (self._folder / "CARD.md").read_text().rstrip("\n")
        facts = {**found.facts, "latent_model": {"settings": to_json_dict(config), **_flat(result)}}
        self._out.parent.mkdir(parents=True, exist_ok=True)
        save_network(self._out, found.config, self._loaded.params, f"{card}\n\n{paragraph}\n", facts, result.model)


def _with_all_values(folder: Path) -> Shards:
    shards = Shards(folder)
    if shards.manifest.get("kind") == "puzzles":
        raise ValueError(f"expected values of all legal moves, got puzzles in {folder}, which mark the solution only")
    return shards


def _names(sets: Sequence[Shards]) -> str:
    return ", ".join("/".join(shards.folder.parts[-2:]) for shards in sets)


def _flat(result: FitResult) -> dict[str, float]:
    figures = {f"validation/q_{name}": value for name, value in result.figures._asdict().items()}
    for scale, regret in result.regrets.items():
        figures |= {f"validation/scale_{scale:g}/{name}": value for name, value in regret._asdict().items()}
    return {**figures, "validation/scale": result.model.config.scale}
