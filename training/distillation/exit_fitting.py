"""Fits an exit to a network that stays as it is, from what the network itself says after all its iterations.

Both parts of an exit have a closed form. The map is the ridge regression from the state of a token after one
application of f to its last state. The score is the ridge regression from the pooled early state to the divergence, in
nats, of the policy after the exit from the one after all iterations. No label is needed; labels only measure.
"""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np

from engine.checkpoint import load_network, read_network_facts, save_network, serving_network, serving_shapes
from engine.fixed_point import PhantomGradient
from engine.frozen_config import to_json_dict
from engine.network.attention import MASKED
from engine.network.cores.core_configs import DeqConfig, ExitConfig
from engine.network.cores.early_exit import pooled_state
from engine.network.int8 import convert
from engine.network.model import Network, evaluate, evaluate_with_squares
from engine.network.network_config import NetworkConfig
from engine.network.tokens import tokens_of
from training.distillation.learner import make_network
from training.distillation.trained_network import network_config, network_weights
from training.labels.move_regret import move_regret
from training.packed.batches import Batch, BatchStream
from training.packed.shards import PackedSet
from training.reporting.sampling_error import estimate_mean

_ALWAYS = 1e9  # a threshold that every score is below
_MOST_DIVERGENCE = 3.0  # nats; a rare larger one would rule the regression


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExitFitConfig:
    """Settings of a fit."""

    # Positions that the map is fitted to, and as many again for the score.
    positions: int = 8192
    # Positions evaluated together.
    batch_size: int = 128
    # Share of positions that are to end after one application, which decides the threshold, in (0, 1).
    share: float = 0.5
    # Weights of the penalties on map and score, relative to the mean square of their inputs.
    map_ridge: float = 1e-3
    score_ridge: float = 1e-2
    # Most held-out positions to measure on.
    measured: int = 5000
    # Decides the order of positions.
    seed: int = 0

    def __post_init__(self) -> None:
        """Raises ValueError for a number out of range."""
        for name in ("positions", "batch_size", "measured"):
            if getattr(self, name) < 1:
                raise ValueError(f"expected {name} of at least 1, got {getattr(self, name)}")
        for name in ("map_ridge", "score_ridge"):
            if not 0 < getattr(self, name) < np.inf:
                raise ValueError(f"expected {name} above 0, got {getattr(self, name)}")
        if not 0 < self.share < 1:
            raise ValueError(f"expected share in (0, 1), got {self.share}")


class ExitFigures(NamedTuple):
    """Compares an exit with all iterations on held-out positions."""

    applications: float  # of f, mean
    differs: float  # share of positions whose most probable move differs
    regret: float  # with all iterations, expected score
    change: float  # regret with the exit less that with all iterations
    change_error: float  # its standard error, paired
    n: int

    def text(self) -> str:
        """Returns the figures for people, in one line."""
        return (
            f"{self.applications:.2f} applications, regret {self.regret:.4f} without the exit, "
            f"{self.change:+.4f} ± {self.change_error:.4f} with it, {self.differs:.1%} other moves (n = {self.n})"
        )


def fit_exit(
    folder: Path,
    out: Path,
    source: PackedSet,
    validation: PackedSet,
    config: ExitFitConfig,
    tell: Callable[[str], None] = lambda _: None,
) -> ExitFigures:
    """Fits an exit and writes the network with it as a new folder.

    Args:
      folder: of the network; an exit that it has is replaced.
      out: folder to write.
      source: positions to fit to.
      validation: held-out positions with the values of their moves.
      config: how to fit.
      tell: called with a line after each stage.

    Raises:
      ValueError: the network's core can have no exit, or there are too few positions.
    """
    settings, params = network_config(folder), jax.tree.map(jnp.asarray, network_weights(folder))
    with_exit(settings, _ALWAYS)  # refuses what can have none
    # Products in int8 give the same states but for their rounding, and take several times as long in training form.
    quick = settings if settings.arithmetic == "float32" else dataclasses.replace(settings, arithmetic="bfloat16")
    stream = BatchStream([(source, 1.0, 1.0)], config.batch_size, config.seed, mirror=True)
    count = -(-config.positions // config.batch_size)
    fitted = _fitted_map(quick, params, [stream(index) for index in range(count)], config.map_ridge)
    tell(f"map fitted to {count * config.batch_size} positions")
    params = {**params, "core": {**params["core"], "exit": fitted}}
    batches = [stream(index) for index in range(count, 2 * count)]
    score, threshold = _fitted_score(quick, params, batches, config)
    params["core"]["exit"]["score"] = score
    tell(f"score fitted to as many others, threshold {threshold:.4f}")
    served = with_exit(settings, threshold)
    # The float kernels of a network that was int8 are its rounded values, so converting gives the same ones again.
    loaded = load_network(folder)
    exit_shapes = serving_shapes(served)["core"]["exit"]
    kept = {**loaded.params, "core": {**loaded.params["core"], "exit": convert(fitted, exit_shapes)}}
    figures = exit_figures(served, kept, validation, config.measured)
    tell(figures.text())
    _write(folder, out, served, kept, config, figures)
    return figures


def with_exit(config: NetworkConfig, threshold: float | None) -> NetworkConfig:
    """Returns a network's settings with an exit of that threshold, or with none.

    Raises:
      ValueError: its core can have no exit.
    """
    if not isinstance(config.core, DeqConfig):
        raise ValueError(f"expected a network with the core deq, got {config.core.kind}")
    end = None if threshold is None else ExitConfig(threshold=threshold)
    return dataclasses.replace(config, core=dataclasses.replace(config.core, exit=end))


def exit_figures(config: NetworkConfig, params: chex.ArrayTree, shards: PackedSet, limit: int) -> ExitFigures:
    """Measures a network with an exit against itself without.

    Args:
      config: with an exit.
      params: in serving form.
      shards: labelled positions.
      limit: at most this many, drawn by a fixed seed, no position twice.
    """
    network, plain = serving_network(config), serving_network(with_exit(config, None))
    programs = [jax.jit(lambda params, x, each=each: evaluate(each, params, x)) for each in (network, plain)]
    count = min(limit, len(shards))
    size = min(128, count)
    stream = BatchStream([(shards, 1.0, 1.0)], size, seed=0)
    steps, regrets, differs = [], [], []
    for batch in (stream(index) for index in range(count // size)):
        outputs = [program(params, batch.positions) for program in programs]
        chosen = [_chosen(np.asarray(output.policy_logits), batch) for output in outputs]
        regrets.append([move_regret(batch.values, each, batch.cells >= 0) for each in chosen])
        differs.append(chosen[0] != chosen[1])
        steps.append(np.asarray(outputs[0].stats.steps))
    with_it, without = np.concatenate(regrets, axis=1)
    change = estimate_mean((with_it - without).tolist())
    shares = float(np.concatenate(steps).mean()), float(np.concatenate(differs).mean())
    return ExitFigures(*shares, float(without.mean()), change.mean, change.standard_error or 0.0, change.n)


def _chosen(logits: np.ndarray, batch: Batch) -> np.ndarray:
    at_moves = np.take_along_axis(logits, np.maximum(batch.cells, 0).astype(np.int64), axis=1)
    return np.argmax(np.where(batch.cells >= 0, at_moves, -np.inf), axis=1)


def _early_state(network: Network, params: chex.ArrayTree, positions: jax.Array) -> jax.Array:
    """Returns the state after one application of f on the board, `[B, S, D]`; only phantom steps are ever free."""
    _, squares = evaluate_with_squares(network, params, positions, jnp.int32(0))
    return squares


def _used_squares(config: NetworkConfig, positions: jax.Array) -> jax.Array:
    """Returns 1 at the squares of tokens and 0 elsewhere, `[B, S]`."""
    tokens = tokens_of(positions, config.tokens)
    return tokens.spread(tokens.is_used[:, :, None].astype(jnp.float32))[:, :, 0]


def _single(config: NetworkConfig) -> NetworkConfig:
    """Returns the settings of a network whose only step without a limit is one application of f."""
    assert isinstance(config.core, DeqConfig)
    core = dataclasses.replace(config.core, gradient=PhantomGradient(steps=1, damping=1.0))
    return dataclasses.replace(config, core=core)


def _fitted_map(
    config: NetworkConfig, params: chex.ArrayTree, batches: Sequence[Batch], ridge: float
) -> dict[str, chex.ArrayTree]:
    """Returns the parameters of an exit whose score is still 0."""
    early_network, network = make_network(_single(config)), make_network(config)

    @jax.jit
    def sums(params: chex.ArrayTree, positions: jax.Array) -> tuple[jax.Array, jax.Array]:
        early = _early_state(early_network, params, positions)
        _, late = evaluate_with_squares(network, params, positions)
        used = _used_squares(config, positions)[:, :, None]
        inputs = jnp.concatenate([early, jnp.ones_like(early[:, :, :1])], axis=-1) * used
        rows, wanted = inputs.reshape(-1, inputs.shape[-1]), ((late - early) * used).reshape(-1, early.shape[-1])
        return rows.T @ rows, rows.T @ wanted

    solution = _ridge([sums(params, batch.positions) for batch in batches], ridge)
    blank = {"kernel": jnp.zeros((3 * config.width, 1)), "bias": jnp.zeros((1,))}
    kernel, bias = jnp.asarray(solution[:-1], jnp.float32), jnp.asarray(solution[-1], jnp.float32)
    return {"map": {"kernel": kernel}, "bias": bias, "score": blank}


def _fitted_score(
    config: NetworkConfig, params: chex.ArrayTree, batches: Sequence[Batch], fit: ExitFitConfig
) -> tuple[chex.ArrayTree, float]:
    """Returns the parameters of the score, and the threshold that the wanted share of positions is below."""
    ended, network = make_network(with_exit(config, _ALWAYS)), make_network(config)
    early_network = make_network(_single(config))

    @jax.jit
    def pooled_and_wanted(params: chex.ArrayTree, positions: jax.Array, cells: jax.Array) -> tuple[jax.Array, ...]:
        early = _early_state(early_network, params, positions)
        pooled = pooled_state(early, _used_squares(config, positions))
        first, last = (
            jax.nn.log_softmax(
                jnp.where(cells >= 0, _at(evaluate(each, params, positions).policy_logits, cells), MASKED)
            )
            for each in (ended, network)
        )
        divergence = jnp.sum(jnp.where(cells >= 0, jnp.exp(last) * (last - first), 0.0), axis=1)
        return pooled, jnp.minimum(divergence, _MOST_DIVERGENCE)

    pairs = [jax.device_get(pooled_and_wanted(params, batch.positions, batch.cells)) for batch in batches]
    pooled, wanted = (np.concatenate(each).astype(np.float64) for each in zip(*pairs, strict=True))
    mean, spread = pooled.mean(axis=0), pooled.std(axis=0) + 1e-6
    rows = np.concatenate([(pooled - mean) / spread, np.ones((len(pooled), 1))], axis=1)
    solution = _ridge([(rows.T @ rows, rows.T @ wanted[:, None])], fit.score_ridge)
    kernel = solution[:-1] / spread[:, None]
    bias = solution[-1] - mean @ kernel
    scores = pooled @ kernel + bias
    score = {"kernel": jnp.asarray(kernel, jnp.float32), "bias": jnp.asarray(bias, jnp.float32)}
    return score, float(np.quantile(scores, fit.share))


def _at(logits: jax.Array, cells: jax.Array) -> jax.Array:
    return jnp.take_along_axis(logits, jnp.maximum(cells, 0).astype(jnp.int32), axis=1)


def _ridge(sums: Sequence[tuple[jax.Array | np.ndarray, jax.Array | np.ndarray]], ridge: float) -> np.ndarray:
    """Solves (G + ridge mean(diag G) I) w = H, except that the last input, the constant, has no penalty.

    Args:
      sums: products of the inputs with themselves `[K, K]`, and with the wanted outputs `[K, outputs]`, to be added.
      ridge: relative weight of the penalty.

    Returns:
      float64 `[K, outputs]`.
    """
    gram, cross = (
        np.sum([np.asarray(each, np.float64) for each in parts], axis=0) for parts in zip(*sums, strict=True)
    )
    penalty = np.full(len(gram), ridge * np.mean(np.diag(gram)))
    penalty[-1] = 0.0
    return np.linalg.solve(gram + np.diag(penalty), cross)


def _write(
    folder: Path, out: Path, config: NetworkConfig, params: chex.ArrayTree, fit: ExitFitConfig, figures: ExitFigures
) -> None:
    found, loaded = read_network_facts(folder), load_network(folder)
    card = (folder / "CARD.md").read_text(encoding="utf-8").rstrip("\n")
    paragraph = f"It has an exit after one application of f, fitted while the rest stayed as it was: {figures.text()}."
    facts = {**found.facts, "exit": {"settings": to_json_dict(fit), **figures._asdict()}}
    save_network(out, config, params, f"{card}\n\n{paragraph}\n", facts, loaded.model)
