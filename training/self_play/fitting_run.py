"""The run that fits a latent model beside a network, measures it, and writes both as a network's folder."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from engine.checkpoint import load_network, read_network_facts, save_network
from engine.frozen_config import to_json_dict
from engine.network.latent_model.policy_improvement import PlayingModel
from training.distillation.starting_weights import starting_model
from training.distillation.train_state import TrainState, initial_state
from training.distillation.trained_network import network_weights
from training.packed.batches import BatchStream
from training.packed.prefetch import prefetch
from training.packed.shards import Shards
from training.runs.run_clock import RunClock
from training.runs.run_log import RunLog
from training.runs.schedule import Schedule
from training.runs.training_task import Report, Start, Task
from training.self_play.chess_agent import model_settings, with_one_iteration
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

_LOG_MINUTES = 1 / 6


class FitResult(NamedTuple):
    """A fitted model and its figures on held-out positions."""

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


class ModelFitting(Task[TrainState]):
    """Fits a latent model beside a network.

    Args:
      config: how to fit.
      network: folder of the network; if it has a latent model of the same shape, that one is fitted further.
      sources: packed sets of labels of all legal moves, whose positions are equally likely.
      validation: a packed set to measure on.

    Raises:
      ValueError: the network or the data cannot be used.
    """

    config: FitConfig

    def __init__(self, config: FitConfig, network: Path, sources: Sequence[Path], validation: Path) -> None:
        self.config, self._folder = config, network
        self._loaded = load_network(network)
        self._sets = [_with_all_values(folder) for folder in sources]
        self._validation = _with_all_values(validation)
        stream_sources = [(shards, float(len(shards)), 1.0) for shards in self._sets]
        self._stream = BatchStream(stream_sources, config.batch_size, config.seed, mirror=True)
        settings = with_one_iteration(self._loaded.network.config)
        self._squares, self._module = make_squares(settings), fitted_module(settings.value_bins)
        self._weights = jax.tree.map(jnp.asarray, network_weights(network))
        self._blank = jnp.zeros((1, 64, settings.width)), jnp.zeros((1,), jnp.int32)

    def start(self) -> Start[TrainState]:
        """Returns a fresh model, or the one beside the network."""
        fresh = jax.jit(self._module.init)(jax.random.key(self.config.seed), *self._blank)["params"]
        found = starting_model(self._folder, fresh)
        model = fresh if found.params is None else found.params
        state = initial_state(jax.tree.map(jnp.copy, model), fit_optimizer(self.config))
        return Start(jax.device_put(state, jax.local_devices()[0]), note=found.text)

    def introduction(self, state: TrainState) -> str:
        """Describes the size of the model and of the data."""
        parameters = sum(leaf.size for leaf in jax.tree.leaves(state.params))
        return f"{parameters:,} parameters of a latent model, {sum(map(len, self._sets)):,} positions"

    @contextlib.contextmanager
    def stepping(self, first: int) -> Iterator[Callable[[TrainState], tuple[TrainState, Metrics]]]:
        """Draws actions in the background while updates go on."""
        update = make_fit_update(self._module, self.config)

        def step(state: TrainState) -> tuple[TrainState, Metrics]:
            batch = next(batches)
            return update(state, self._squares(self._weights, batch.positions), batch.cells, batch.scores)

        with contextlib.closing(prefetch(self._batch, first, depth=4)) as batches:
            yield step

    def learner(self, state: TrainState) -> TrainState:
        """Returns the state itself."""
        return state

    def with_schedule(self, state: TrainState, schedule: Schedule) -> TrainState:
        """Returns the state with another schedule."""
        return state.replace(schedule=jax.device_put(schedule, jax.local_devices()[0]))

    def is_report_due(self, clock: RunClock) -> bool:
        """Returns whether some seconds have passed since the last report."""
        return clock.is_due("log", _LOG_MINUTES)

    def report(self, figures: Mapping[str, float], steps_per_s: float) -> Report:
        """Returns the figures of the newest batch."""
        rate = steps_per_s * self.config.batch_size
        text = (
            f"value {figures['value_loss']:.3f}  reward {figures['reward_loss']:.4f}  "
            f"model q {figures['q_correlation']:.2f}  error {figures['q_error']:.2f}  {rate:.0f} positions/s"
        )
        return Report({**figures, "positions_per_s": rate}, text)

    def finish(self, state: TrainState, out: Path, run: Path) -> FitResult:
        """Measures the averaged model and writes it beside the network.

        Args:
          state: the last one of the run.
          out: folder to write.
          run: the run's folder, whose log gets the figures.
        """
        result = self._measured(state.average, int(state.step))
        with contextlib.closing(RunLog(run)) as log:
            log.write(result.steps, _flat(result))
            log.tell(result.text())
        self._write(result, out)
        return result

    def _batch(self, index: int) -> FitBatch:
        return drawn_actions(self._stream(index), self.config, index)

    def _measured(self, params: chex.ArrayTree, steps: int) -> FitResult:
        """Chooses the scale on positions of training and measures on the held-out ones."""
        config = self.config
        settings = model_settings(past_policies=0, clip=config.clip, scale=1.0)
        loaded = self._loaded._replace(model=PlayingModel(settings, params))
        known = judged_moves(loaded, self._sets[0], config.measured)
        scale = best_scale(known, config.scales, config.clip)
        judged = judged_moves(loaded, self._validation, config.measured)
        regrets = {each: improved_regret(judged, each, config.clip) for each in config.scales}
        model = PlayingModel(dataclasses.replace(settings, scale=scale), params)
        return FitResult(model, model_figures(judged), regrets, steps)

    def _write(self, result: FitResult, out: Path) -> None:
        found, config = read_network_facts(self._folder), self.config
        paragraph = (
            f"Beside the network lies a latent model, fitted to the labels of all legal moves of "
            f"{_names(self._sets)} while the network stayed as it was: {result.steps} steps of {config.batch_size} "
            f"positions with {config.actions} moves each, seed {config.seed}. On {config.measured} positions of "
            f"{_names([self._validation])}: {result.text()}."
        )
        card = (self._folder / "CARD.md").read_text(encoding="utf-8").rstrip("\n")
        facts = {**found.facts, "latent_model": {"settings": to_json_dict(config), **_flat(result)}}
        out.parent.mkdir(parents=True, exist_ok=True)
        save_network(out, found.config, self._loaded.params, f"{card}\n\n{paragraph}\n", facts, result.model)


def new_folders(out: Path) -> tuple[Path, Path]:
    """Returns the folder to write and the one beside it for the run, whose name ends in `.run`.

    Raises:
      ValueError: there is something at one of these places already.
    """
    out = out.resolve()
    run = out.with_name(f"{out.name}.run")
    for folder in (out, run):
        if folder.exists():
            raise ValueError(f"expected a new place for --out and its .run, got {folder}, which exists")
    return out, run


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
