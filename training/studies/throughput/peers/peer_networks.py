"""Defines the networks of the peers: a perceptron in NumPy and JAX, and the residual network of the Pgx example.

The perceptron has pieces one-hot, one hidden layer and two heads; with 256 hidden units it has about as many parameters
as a network of the preset `cpu`. The residual network has pre-activation blocks (He et al. 2016, arXiv 1603.05027) with
the two heads of AlphaGo Zero (Silver et al. 2017).
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from engine.encoding.move_labels import CELLS
from training.muesli.agent import Prediction, Root

_CODES = np.array([code for code in range(-7, 8) if code], np.int8)  # of the pieces, as in engine.encoding.position

INPUTS = 64 * len(_CODES)

Weights = dict[str, np.ndarray]


def perceptron_weights(hidden: int, seed: int = 0) -> Weights:
    """Returns random weights that keep the size of signals, float32."""
    draws = np.random.default_rng(seed)

    def matrix(inputs: int, outputs: int, active: int) -> np.ndarray:
        return (draws.normal(size=(inputs, outputs)) / np.sqrt(active)).astype(np.float32)

    return {
        "hidden": matrix(INPUTS, hidden, active=32),  # pieces
        "hidden_bias": np.zeros(hidden, np.float32),
        "policy": matrix(hidden, CELLS, active=hidden),
        "policy_bias": np.zeros(CELLS, np.float32),
        "value": matrix(hidden, 1, active=hidden),
    }


def perceptron(weights: Weights, position: np.ndarray) -> tuple[np.ndarray, float]:
    """Evaluates one position in NumPy.

    Args:
      weights: of the network.
      position: int8 `[P]`.

    Returns:
      Logits `[Z]` and the value to the mover, -1 to 1.
    """
    pieces = (position[:64, None] == _CODES).reshape(-1).astype(np.float32)
    hidden = np.maximum(pieces @ weights["hidden"] + weights["hidden_bias"], 0.0)
    value = float(np.tanh(hidden @ weights["value"])[0])
    return hidden @ weights["policy"] + weights["policy_bias"], value


class PerceptronNetwork:
    """Runs the perceptron in the resident program, with the same weights as parameters."""

    def root(self, params: Any, observation: jax.Array) -> Root:
        """Evaluates positions int8 `[B, P]`; the latent is the hidden layer."""
        rows = observation.shape[0]
        pieces = observation[:, :64, None] == jnp.asarray(_CODES)[None, None]
        hidden = pieces.reshape(rows, -1).astype(jnp.float32) @ params["hidden"] + params["hidden_bias"][None]
        hidden = jax.nn.relu(hidden)
        prediction = Prediction(
            policy_logits=hidden @ params["policy"] + params["policy_bias"][None],
            value_logits=jnp.tanh(hidden @ params["value"]),
            past_value_logits=jnp.zeros((rows, 0, 1)),
        )
        no_solver = jnp.zeros((rows,))
        return Root(
            latent=hidden[:, None], prediction=prediction, residual=no_solver, steps=no_solver.astype(jnp.int32)
        )


class AlphaZeroNetwork(nn.Module):
    """Maps planes to a policy and a value; normalisation uses running statistics, as in play.

    Attributes:
      actions: A, number of actions.
      channels: of every convolution between the planes and the heads.
      blocks: number of residual blocks, of two convolutions each.
    """

    actions: int
    channels: int = 128
    blocks: int = 6

    @nn.compact
    def __call__(self, planes: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Evaluates planes `[B, rows, columns, planes]`.

        Returns:
          Logits `[B, A]` and the value to the mover `[B]`, -1 to 1.
        """
        x = nn.Conv(self.channels, (3, 3))(planes.astype(jnp.float32))
        for _ in range(self.blocks):
            before = x
            x = nn.Conv(self.channels, (3, 3))(_activated(x))
            x = before + nn.Conv(self.channels, (3, 3))(_activated(x))
        x = _activated(x)
        policy = _activated(nn.Conv(2, (1, 1))(x)).reshape(x.shape[0], -1)
        value = _activated(nn.Conv(1, (1, 1))(x)).reshape(x.shape[0], -1)
        value = nn.Dense(1)(nn.relu(nn.Dense(self.channels)(value)))
        return nn.Dense(self.actions)(policy), jnp.tanh(value)[:, 0]


def _activated(x: jax.Array) -> jax.Array:
    return nn.relu(nn.BatchNorm(use_running_average=True)(x))
