"""Improves the policy by one step of the learned model, for all legal moves within one evaluation.

    pi_cmpo(a | s) ~ pi(a | s) exp(clip((q(s, a) - v(s)) / scale, -c, c)),    q(s, a) = r(s, a) - v(after a)

Hessel et al. 2021, eq. 7, with the signs of a game of two. No move is made on a board and no position after one is
evaluated: the model goes from latent to latent. The total variation from pi is at most tanh(c / 2), however wrong the
model is.
"""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple, cast

import chex
import jax
import jax.numpy as jnp
import numpy as np

from engine.encoding.move_labels import CELLS
from engine.network.latent_model.dynamics import LatentModel, LatentStep
from engine.network.model import Network, NetworkOutput, evaluate_with_squares
from engine.network.products import FLOAT32

# Moves that the model makes side by side. Their number is a loop's bound, so a position costs what its moves cost.
_TOGETHER = 16
# 16 pieces have no more legal moves: a king 8 and 15 queens 27 each, rounded up.
_MOST_LEGAL = 416


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Sets the shape of a latent model, and how its action values improve a policy."""

    # W, width of a latent.
    width: int
    # H, heads of its attention.
    heads: int
    # M, past policies whose values it predicts; play does not need them.
    past_policies: int
    # c, the bound on normalised advantages.
    clip: float
    # Divisor of advantages, in units of value (-1 loss to 1 win).
    scale: float

    def __post_init__(self) -> None:
        """Raises ValueError for a value out of range."""
        for name in ("width", "heads", "clip", "scale"):
            if not getattr(self, name) > 0:
                raise ValueError(f"expected {name} above 0, got {getattr(self, name)}")


class PlayingModel(NamedTuple):
    """Holds a latent model that was trained beside a network."""

    config: ModelConfig
    params: chex.ArrayTree


class Candidates(NamedTuple):
    """Lists the legal moves of a batch of positions one after another, padded to a fixed length N."""

    row: np.ndarray  # [N] int32, place of the position in the batch
    cell: np.ndarray  # [N] int32, `CELLS` at padding, which is no cell
    total: np.ndarray  # [] int32, how many there are


def latent_model(config: ModelConfig, bins: int) -> LatentModel:
    """Returns the model in the form that plays, with a value of `bins` bins."""
    return LatentModel(config.width, config.heads, bins, config.past_policies, FLOAT32)


def value_support(bins: int) -> jax.Array:
    """Returns win minus loss at the middle of each bin of the expected score, `[V]`."""
    return (2.0 * jnp.arange(bins, dtype=jnp.float32) + 1.0) / bins - 1.0


def candidates_of(cells: Sequence[np.ndarray], batch: int) -> Candidates:
    """Returns the moves of the first positions of a batch.

    Args:
      cells: int32 `[L]` legal cells of each position; none for policies that are to stay as they are.
      batch: B, at least as many as there are.
    """
    row, cell = np.zeros(batch * _MOST_LEGAL, np.int32), np.full(batch * _MOST_LEGAL, CELLS, np.int32)
    counts = [len(each) for each in cells]
    row[: sum(counts)] = np.repeat(np.arange(len(cells)), counts)
    cell[: sum(counts)] = np.concatenate([np.zeros(0, np.int32), *cells])
    return Candidates(row, cell, np.asarray(sum(counts), np.int32))


def evaluate_improved(
    network: Network,
    params: chex.ArrayTree,
    model: PlayingModel,
    position: jax.Array,
    step_limit: jax.Array,
    candidates: Candidates,
) -> NetworkOutput:
    """Applies a network to positions and improves the policies of the candidates; pure, to be compiled by the caller.

    Args:
      network: in serving form.
      params: of that form.
      model: trained beside the network.
      position: int8 `[B, P]`.
      step_limit: scalar int32 bound on the solver's steps.
      candidates: all legal moves of the positions whose policies are to be improved.

    Returns:
      The network's output, except that the softmax of the policy logits over the candidates is the improved policy.
    """
    output, squares = evaluate_with_squares(network, params, position, step_limit)
    config, support = model.config, value_support(network.config.value_bins)
    module, variables = latent_model(config, network.config.value_bins), {"params": model.params}
    latent = cast(jax.Array, module.apply(variables, squares, method="embed"))
    value = _expectation(output.score_logits, support)  # [B]

    def improve(index: jax.Array, policy_logits: jax.Array) -> jax.Array:
        row, cell = (jax.lax.dynamic_slice_in_dim(each, index * _TOGETHER, _TOGETHER) for each in candidates[:2])
        step = cast(LatentStep, module.apply(variables, latent[row], cell, method="advance"))
        reward = _expectation(step.reward_logits, jnp.array([-1.0, 0.0, 1.0]))
        q = reward - _expectation(step.heads.value_logits[:, 0], support)
        advantage = jnp.clip((q - value[row]) / config.scale, -config.clip, config.clip)
        return policy_logits.at[row, cell].add(advantage, mode="drop")

    rounds = (candidates.total + _TOGETHER - 1) // _TOGETHER
    return output.replace(policy_logits=jax.lax.fori_loop(0, rounds, improve, output.policy_logits))


def _expectation(logits: jax.Array, support: jax.Array) -> jax.Array:
    return jax.nn.softmax(logits, axis=-1) @ support
