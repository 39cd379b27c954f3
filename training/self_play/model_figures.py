"""Measures a latent model on labelled positions: its action values, and the regret of the policy improved by it."""

import dataclasses
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np

from engine.checkpoint import LoadedNetwork
from engine.network.latent_model.policy_improvement import (
    Candidates,
    PlayingModel,
    candidates_of,
    evaluate_improved,
    value_support,
)
from engine.network.model import evaluate
from training.labels.move_regret import move_regret
from training.muesli.cmpo import exact_target
from training.muesli.values import expected_value
from training.packed.batches import BatchStream
from training.packed.shards import Shards
from training.reporting.sampling_error import estimate_mean

_TOGETHER = 50
_UNBOUNDED = 1e6


class JudgedMoves(NamedTuple):
    """The legal moves of n positions as valued by labels, by a network, and by its model; padded to L moves."""

    is_move: np.ndarray  # bool [n, L]
    scores: np.ndarray  # float32 [n, L], the labels' expected scores w in [0, 1]
    logits: np.ndarray  # float32 [n, L], of the network's policy
    advantages: np.ndarray  # float32 [n, L], q - v as the policy is improved by in play
    values: np.ndarray  # float32 [n], v


class ModelFigures(NamedTuple):
    """A model's action values q compared with 2 w - 1 over all legal moves."""

    correlation: float
    within: float  # the same after each position's mean is taken off: the order of its moves alone
    error: float  # root mean square


class PairedRegret(NamedTuple):
    """The regret of two policies in the same positions, in expected score."""

    plain: float  # of the network's policy
    improved: float
    change: float  # improved minus plain
    change_error: float  # standard error of the mean, over positions as independent samples


def judged_moves(loaded: LoadedNetwork, shards: Shards, limit: int) -> JudgedMoves:
    """Evaluates labelled positions with a network and its model, in the form that plays.

    Args:
      loaded: with a model; the scale and clip of its settings do not matter.
      shards: labelled positions.
      limit: at most this many, drawn by a fixed seed, no position twice.
    """
    count = min(limit, len(shards))
    size = min(_TOGETHER, count)
    stream, steps = BatchStream([(shards, 1.0, 1.0)], size, seed=0), np.int32(loaded.network.config.own_steps)
    program = _judging_program(loaded)
    assert loaded.model is not None
    parts: list[JudgedMoves] = []
    for batch in (stream(index) for index in range(count // size)):
        is_move = batch.cells >= 0
        cells = [row[used].astype(np.int32) for row, used in zip(batch.cells, is_move, strict=True)]
        candidates = candidates_of(cells, size)
        at_moves = np.maximum(batch.cells, 0).astype(np.int32)
        outputs = program(loaded.params, loaded.model.params, batch.positions, steps, candidates, at_moves)
        parts.append(JudgedMoves(is_move, batch.values, *jax.device_get(outputs)))
    return JudgedMoves(*(np.concatenate(fields) for fields in zip(*parts, strict=True)))


def _judging_program(loaded: LoadedNetwork) -> jax.stages.Wrapped:
    assert loaded.model is not None
    network = loaded.network
    # The improved logits less the plain ones are then the advantages themselves.
    unbounded = dataclasses.replace(loaded.model.config, scale=1.0, clip=_UNBOUNDED)

    def judge(
        params: chex.ArrayTree,
        model: chex.ArrayTree,
        position: jax.Array,
        steps: jax.Array,
        candidates: Candidates,
        at_moves: jax.Array,
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        improved = evaluate_improved(network, params, PlayingModel(unbounded, model), position, steps, candidates)
        plain = evaluate(network, params, position, steps)
        before, after = (
            jnp.take_along_axis(each.policy_logits, at_moves, axis=1).astype(jnp.float32) for each in (plain, improved)
        )
        value = expected_value(plain.score_logits, value_support(network.config.value_bins))
        return before, after - before, value

    return jax.jit(judge)


def model_figures(judged: JudgedMoves) -> ModelFigures:
    """Compares action values with labels."""
    q, labels = judged.advantages + judged.values[:, None], 2.0 * judged.scores - 1.0
    used = judged.is_move
    own = [np.where(used, each - _means(each, used)[:, None], 0.0)[used] for each in (q, labels)]
    return ModelFigures(
        correlation=float(np.corrcoef(q[used], labels[used])[0, 1]),
        within=float(np.corrcoef(*own)[0, 1]),
        error=float(np.sqrt(np.mean(np.square(q[used] - labels[used])))),
    )


def improved_regret(judged: JudgedMoves, scale: float, clip: float) -> PairedRegret:
    """Compares the regret of the improved policy with that of the plain one.

    Args:
      judged: n positions.
      scale: what divides advantages.
      clip: their bound, c.
    """
    policy = jax.vmap(partial(exact_target, clip=clip))
    targets = policy(jnp.asarray(judged.logits), jnp.asarray(judged.advantages / scale), jnp.asarray(judged.is_move))
    plain, improved = (
        move_regret(judged.scores, np.argmax(np.where(judged.is_move, preference, -np.inf), axis=1), judged.is_move)
        for preference in (judged.logits, np.asarray(targets))
    )
    change = estimate_mean((improved - plain).tolist())
    return PairedRegret(float(plain.mean()), float(improved.mean()), change.mean, change.standard_error or 0.0)


def best_scale(judged: JudgedMoves, scales: Sequence[float], clip: float) -> float:
    """Returns the scale with the least regret; of equal ones the largest, which trusts the model least."""
    return min(sorted(scales, reverse=True), key=lambda scale: improved_regret(judged, scale, clip).improved)


def _means(values: np.ndarray, used: np.ndarray) -> np.ndarray:
    return np.sum(np.where(used, values, 0.0), axis=1) / used.sum(axis=1)
