"""Losses of distillation: of the policy, of the value heads, and of the cores' mechanisms.

The teacher gives the expected score w of every legal move. The policy learns softmax(w / tau) over the legal moves;
the value heads learn the best move's score. See Hinton et al. 2015 for soft targets and Imani & White 2018 for the
histogram loss with Gaussian smoothing (HL-Gauss). These losses take one position; the learner vmaps them.

Cores sow `ponder`, the iterations that a token makes before it ends, and `difference`, the mean square of the
difference recurrence. Two losses need more than a core knows: the thermodynamic one, which minimises energy minus
temperature times entropy with a temperature that falls, and the one of compression, which counts the bits of the
kernels as they would be stored in int8.
"""

from collections.abc import Mapping

import chex
import jax
import jax.numpy as jnp

from engine.network.attention import MASKED
from engine.player.score import LOGISTIC_PER_CP
from training.distillation.distillation_config import CoreLossConfig
from training.labels.expected_score import MATED_BELOW, SHARE_WITHOUT_MATE

_WORST_LOG_SHARE = 12.0  # nats below the best move's share; a worse move, or one that no label names, counts as this
_BIN_SIGMA = 0.75  # of HL-Gauss, in bins


def policy_loss(logits: jax.Array, target: jax.Array, legal: jax.Array, reverse_share: float = 0.0) -> jax.Array:
    """Returns KL(target || policy) over the legal moves, mixed with a share of KL(policy || target).

    A network too small for the target spreads its policy over all that the target allows where the first divergence
    rules, and keeps to the moves that it knows to be good where the second does: that one is the expected score given
    away, divided by tau, less the entropy.

    Args:
      logits: `[Z]`.
      target: `[Z]`, sums to 1, 0 at illegal cells.
      legal: `[Z]` bool.
      reverse_share: of the second divergence, from 0 to 1.

    Returns:
      Scalar, nats.
    """
    chex.assert_equal_shape([logits, target, legal])
    log_policy = jax.nn.log_softmax(jnp.where(legal, logits, MASKED))
    log_target = jnp.log(jnp.maximum(target, 1e-30))
    forward = jnp.sum(target * (log_target - jnp.where(legal, log_policy, 0.0)))
    if not reverse_share:
        return forward
    floor = jnp.max(log_target) - _WORST_LOG_SHARE
    excess = log_policy - jnp.maximum(log_target, floor)
    reverse = jnp.sum(jnp.where(legal, jnp.exp(log_policy) * excess, 0.0))
    return (1.0 - reverse_share) * forward + reverse_share * reverse


def expected_score_to_wdl(score: jax.Array) -> jax.Array:
    """Returns the probabilities of win, draw and loss for a teacher's expected score.

    The score is taken back to centipawns, and those to two logistic curves that give 50 % wins at +100 centipawns, as
    Stockfish normalises its scores. Beyond 0.04 and 0.96 the teacher saw a mate.

    Args:
      score: `[...]` in [0, 1], the data's scale.

    Returns:
      `[..., 3]`, sums to 1.
    """
    share = jnp.clip((score - MATED_BELOW) / SHARE_WITHOUT_MATE, 1e-4, 1 - 1e-4)
    pawns = (jnp.log(share) - jnp.log1p(-share)) / (100 * LOGISTIC_PER_CP)
    win, loss = jax.nn.sigmoid(0.7 * (pawns - 1)), jax.nn.sigmoid(0.7 * (-pawns - 1))
    mates, is_mated = score >= 1 - MATED_BELOW, score <= MATED_BELOW
    win = jnp.where(mates, 1.0, jnp.where(is_mated, 0.0, win))
    loss = jnp.where(is_mated, 1.0, jnp.where(mates, 0.0, loss))
    return jnp.stack([win, 1 - win - loss, loss], axis=-1)


def wdl_loss(logits: jax.Array, score: jax.Array) -> jax.Array:
    """Returns the cross-entropy of win, draw, loss.

    Args:
      logits: `[3]`.
      score: scalar in [0, 1], the best move's expected score.
    """
    chex.assert_shape(logits, (3,))
    return -jnp.sum(expected_score_to_wdl(score) * jax.nn.log_softmax(logits))


def score_histogram(score: jax.Array, bins: int) -> jax.Array:
    """Returns the HL-Gauss target `[bins]`: a normal around the score, integrated over equal bins of [0, 1]."""
    edges = jnp.linspace(0.0, 1.0, bins + 1)
    below = jax.scipy.stats.norm.cdf(edges, loc=score, scale=_BIN_SIGMA / bins)
    return jnp.diff(below) / (below[-1] - below[0])


def score_loss(logits: jax.Array, score: jax.Array) -> jax.Array:
    """Returns the cross-entropy to the histogram of the expected score.

    Args:
      logits: `[bins]` over [0, 1].
      score: scalar in [0, 1].
    """
    chex.assert_rank(logits, 1)
    return -jnp.sum(score_histogram(score, logits.shape[0]) * jax.nn.log_softmax(logits))


def entropy_loss(log_policy: jax.Array, legal: jax.Array, step: jax.Array, config: CoreLossConfig) -> jax.Array:
    """Returns minus the temperature times the policy's mean entropy, scalar.

    Args:
      log_policy: `[B, Z]` logarithms of the policy over the legal moves.
      legal: `[B, Z]` bool.
      step: scalar, batches seen.
      config: temperature at the start and how fast it falls.
    """
    chex.assert_equal_shape([log_policy, legal])
    temperature = config.entropy * jnp.exp(-step.astype(jnp.float32) / config.cooling_steps)
    terms = jnp.where(legal, jnp.exp(log_policy) * log_policy, 0.0)
    return temperature * jnp.mean(jnp.sum(terms, axis=-1))


def bits_per_weight(params: chex.ArrayTree) -> jax.Array:
    """Returns the mean over all entries of the kernels of log2(1 + |w| / step), scalar.

    The step is that of int8, the largest entry of a column over 127.5; it gets no gradient.

    Args:
      params: nested dict; every leaf called `kernel` counts.
    """
    kernels = [
        leaf
        for path, leaf in jax.tree_util.tree_leaves_with_path(params)
        if getattr(path[-1], "key", None) == "kernel" and leaf.ndim >= 2
    ]
    if not kernels:
        return jnp.float32(0)
    total = sum(jnp.sum(jnp.log2(1 + jnp.abs(kernel) / _int8_step(kernel))) for kernel in kernels)
    return jnp.asarray(total / sum(kernel.size for kernel in kernels))


def _int8_step(kernel: jax.Array) -> jax.Array:
    largest = jnp.max(jnp.abs(kernel), axis=-2, keepdims=True)
    return jax.lax.stop_gradient(jnp.where(largest == 0, 1.0, largest / 127.5))


def sown_loss(losses: Mapping[str, jax.Array], config: CoreLossConfig) -> jax.Array:
    """Returns the weighted sum of the losses that a core has sown, scalar.

    Args:
      losses: by name; each needs a weight of that name.
      config: the weights.
    """
    return sum((getattr(config, name) * value for name, value in losses.items()), jnp.float32(0))
